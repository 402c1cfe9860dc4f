// Program of tests/examples/test_engine_csharp.py, compiled together with the client.
//
//     frames           Decode and encode again the messages of the standard input, one a line.
//     own              Print messages that the client makes itself.
//     hold ADDRESS     Run an engine; obey the commands of the standard input.
//     unity ADDRESS    Run the component of Unity against the stub.

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Threading;
using F2P;
using UnityEngine;
using UnityEngine.Rendering;

sealed class Portraits : F2PBehaviour
{
    protected override void SetCharacter(string kind, F2PMap values, F2PMap scene) { values.Number("nose"); }
    protected override void ApplyToPlayer(string kind, F2PMap values) { Console.WriteLine("applied"); }
    public void Enable() { OnEnable(); }
    public void Frame() { Update(); AsyncGPUReadback.Finish(); }
    public void HalfFrame() { Update(); }
    public void Disable() { OnDisable(); }
}

static class Harness
{
    static int Main(string[] arguments)
    {
        if (arguments[0] == "frames") Frames();
        else if (arguments[0] == "own") Own();
        else if (arguments[0] == "hold") Hold(arguments[1]);
        else Unity(arguments[1]);
        return 0;
    }

    static void Say(string text) { lock (typeof(Harness)) { Console.WriteLine(text); Console.Out.Flush(); } }

    static void Frames()
    {
        string line;
        while ((line = Console.In.ReadLine()) != null)
        {
            byte[] header = FromHex(line);
            try
            {
                F2PMap map = F2PWire.Unpack(header, header.Length);
                Say(ToHex(F2PWire.Pack(map)) + " " + ToJson(map));
            }
            catch (F2PException error) { Say("error " + error.Message); }
        }
    }

    static void Own()
    {
        var options = new F2POptions { Game = "justice", Name = "openhead", Version = "0.1.0" };
        options.Kinds["female"] = "8c1f";
        Print("HELLO", F2PWire.Message(F2PWire.Hello, F2PWire.HelloHeader(options), null));
        Print("HEARTBEAT", F2PWire.Heartbeat(0.5));
        Print("FAILED", F2PWire.Message(F2PWire.Failed, F2PWire.FailedHeader(7, "no such hair", ""), null));
        Print("APPLIED", F2PWire.Message(F2PWire.Applied, F2PWire.AnswerHeader(8), null));
        F2PMap seconds = F2PWire.AnswerHeader(9).With("seconds", 0.5).With("pictures", 10L);
        Print("MEASURED", F2PWire.Message(F2PWire.Measured, seconds, null));
    }

    static void Print(string name, F2POutgoing message) { Say(name + " " + ToHex(message.Head)); }

    static F2PEngine Start(string address)
    {
        var options = new F2POptions { Address = address, Game = "demo", Name = "harness", Version = "1" };
        options.MaxSize = 4096;
        options.Kinds["hero"] = "0";
        options.Assets = "rig-7";
        return new F2PEngine(options);
    }

    // Commands: dispose; draw and pause (answer requests, or only take them); order (answer in reverse order, from
    // other threads, as soon as three are taken).
    static void Hold(string address)
    {
        F2PEngine engine = Start(address);
        string mode = "draw";
        bool done = false;
        var loop = new Thread(() =>
        {
            string shown = "";
            var taken = new List<F2PRequest>();
            while (!done)
            {
                F2PRequest request;
                if (engine.TryGetRequest(10, out request))
                {
                    if (mode == "draw") Answer(request);
                    else Say("taken " + request.Values.Count);
                    if (mode == "order") taken.Add(request);
                    if (taken.Count == 3)
                    {
                        for (int i = 2; i >= 0; i--)
                        {
                            F2PRequest one = taken[i];
                            var thread = new Thread(() => Answer(one));
                            thread.Start();
                            thread.Join();
                            Say("again " + one.Fail("twice", "") + " " + one.IsOpen);
                        }
                        taken.Clear();
                    }
                }
                string text = engine.State + "|" + engine.Reason + "|" + engine.Remedy;
                if (text != shown) Say("state " + text);
                shown = text;
            }
        });
        loop.IsBackground = true;
        loop.Start();
        string command;
        while ((command = Console.In.ReadLine()) != null)
        {
            if (command == "ignored") Say("ignored " + engine.Ignored);
            else if (command != "dispose") { mode = command; Say("mode " + mode); }
            else
            {
                done = true;
                loop.Join();
                var clock = Stopwatch.StartNew();
                engine.Dispose();
                long took = clock.ElapsedMilliseconds;
                engine.Dispose();
                Say("disposed " + took + " " + engine.State);
            }
        }
        engine.Dispose();
    }

    static void Answer(F2PRequest request)
    {
        if (request.IsApply) { request.Applied(); return; }
        try
        {
            var color = request.Engine.TakeBuffer(3 * request.Width * request.Height);
            double nose = request.Values.Number("nose");
            for (int i = 0; i < color.Length; i++) color[i] = (byte)nose;
            if (nose == 200) request.Picture(new byte[5]);
            else request.Picture(color);
        }
        catch (Exception error) { request.Fail(error.Message, "remedy"); }
    }

    static void Unity(string address)
    {
        Stopwatch clock;
        for (int round = 0; round < 3; round++)
        {
            SystemInfo.supportsAsyncGPUReadback = round != 1;
            var component = new Portraits { address = address, game = "demo", kind = "hero", layoutHash = "0",
                portraitCamera = new Camera() };
            component.Enable();
            for (string command = Console.In.ReadLine(); command == "draw"; command = Console.In.ReadLine())
                for (clock = Stopwatch.StartNew(); clock.ElapsedMilliseconds < 500; Thread.Sleep(5))
                    if (round < 2) component.Frame();
                    else component.HalfFrame(); // the readback ends after OnDisable
            clock = Stopwatch.StartNew();
            component.Disable();
            long took = clock.ElapsedMilliseconds;
            AsyncGPUReadback.Finish();
            Say("disabled " + took + " held " + RenderTexture.Held + " background " + Application.runInBackground);
        }
    }

    static byte[] FromHex(string text)
    {
        var bytes = new byte[text.Length / 2];
        for (int i = 0; i < bytes.Length; i++) bytes[i] = Convert.ToByte(text.Substring(2 * i, 2), 16);
        return bytes;
    }

    static string ToHex(byte[] bytes) { return BitConverter.ToString(bytes).Replace("-", "").ToLowerInvariant(); }

    static string ToJson(object item)
    {
        if (item == null) return "null";
        if (item is bool) return (bool)item ? "true" : "false";
        if (item is double) return ToJson((double)item);
        if (item is string) return Quote((string)item);
        if (item is object[]) return "[" + string.Join(", ", Array.ConvertAll((object[])item, ToJson)) + "]";
        var map = item as F2PMap;
        if (map == null) return Convert.ToString(item, CultureInfo.InvariantCulture);
        var texts = new List<string>();
        foreach (string key in map.Keys) texts.Add(Quote(key) + ": " + ToJson(map[key]));
        return "{" + string.Join(", ", texts) + "}";
    }

    static string ToJson(double number)
    {
        if (double.IsNaN(number)) return "NaN";
        if (double.IsInfinity(number)) return number > 0 ? "Infinity" : "-Infinity";
        string text = number.ToString("R", CultureInfo.InvariantCulture);
        return text.IndexOfAny(new[] { '.', 'E' }) < 0 ? text + ".0" : text;
    }

    static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (char c in text)
            if (c < 32 || c > 126 || c == '"' || c == '\\') quoted.Append("\\u" + ((int)c).ToString("x4"));
            else quoted.Append(c);
        return quoted.Append('"').ToString();
    }
}
