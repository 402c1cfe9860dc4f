// A small game engine that draws faces in software and answers f2p-sdk. It draws the layout of ../engine_c/face.toml,
// with the same bytes as the C example ../engine_c/face.c.
//
//     mcs -out:Face.exe Face.cs F2PEngine.cs
//     f2p check -g sketch --listen tcp://127.0.0.1:15702     (in another terminal)
//     mono Face.exe --connect tcp://127.0.0.1:15702 --exit-with-host
//
// Licence: Apache-2.0.

using System;
using F2P;

static class Program
{
    const string LayoutHash = "87bde4948766e914"; // of face.toml: `f2p check -g sketch --no-engine` prints it

    static int Main(string[] arguments)
    {
        var options = new F2POptions
        {
            Game = "sketch", Name = "Face.cs", Version = "1.0", Assets = "face-1", MaxSize = 1024,
            Passes = new[] { "color", "labels" }
        };
        options.Kinds["face"] = LayoutHash;
        for (int i = 0; i < arguments.Length; i++)
        {
            if (arguments[i] == "--exit-with-host") options.ExitWithHost = true;
            else if (arguments[i] == "--connect" && i + 1 < arguments.Length) options.Address = arguments[++i];
            else
            {
                Console.Error.WriteLine("usage: Face.exe [--connect tcp://HOST:PORT] [--exit-with-host]");
                return 2;
            }
        }
        bool interrupted = false;
        Console.CancelKeyPress += (sender, e) => { e.Cancel = true; interrupted = true; };
        try
        {
            using (var engine = new F2PEngine(options))
            {
                string shown = "";
                while (!interrupted && engine.State != F2PState.Refused && engine.State != F2PState.Ended)
                {
                    // A game calls TryGetRequest(out request), which does not wait, once per frame.
                    F2PRequest request;
                    if (engine.TryGetRequest(100, out request)) Serve(engine, request);
                    shown = Show(engine, shown);
                }
                Show(engine, shown);
                return engine.State == F2PState.Refused ? 1 : 0;
            }
        }
        catch (F2PException error)
        {
            Console.Error.WriteLine("Face.cs: " + error.Message);
            return 2;
        }
    }

    static string Show(F2PEngine engine, string shown)
    {
        string reason = engine.Reason, remedy = engine.Remedy;
        string text = "Face.cs: " + engine.State + (reason == "" ? "" : ": " + reason);
        if (remedy != "") text += "\n  next: " + remedy;
        if (text != shown) Console.Error.WriteLine(text);
        return text;
    }

    static void Serve(F2PEngine engine, F2PRequest request)
    {
        try
        {
            var character = new Character(request.Values);
            if (request.IsApply)
            {
                Console.WriteLine("applied: hair " + character.Hair);
                request.Applied();
                return;
            }
            int width = request.Width, height = request.Height;
            bool labels = Array.IndexOf(request.Passes, "labels") >= 0;
            var canvas = new Canvas(width, height, engine.TakeBuffer(3 * width * height),
                labels ? engine.TakeBuffer(width * height) : null);
            character.Draw(canvas);
            request.Planes(Array.ConvertAll(request.Passes, pass => pass == "color"
                ? new F2PPlane(pass, "u1", new[] { height, width, 3 }, canvas.Color)
                : new F2PPlane(pass, "u1", new[] { height, width }, canvas.Labels)));
        }
        catch (Exception error) // it must reach the SDK, not end the game
        {
            request.Fail(error.Message, "send every parameter of face.toml");
        }
    }
}

/// <summary>A picture and its labels. Positions: y runs down, the smaller side is 1, the centre is
/// (0.5, 0.5). Labels may be null.</summary>
sealed class Canvas
{
    public readonly int Width, Height;
    public readonly byte[] Color, Labels;
    readonly int side;

    public Canvas(int width, int height, byte[] color, byte[] labels)
    {
        Width = width;
        Height = height;
        Color = color;
        Labels = labels;
        side = Math.Min(width, height);
        for (int y = 0; y < height; y++)
            for (int i = 0; i < 3 * width; i++)
                color[3 * y * width + i] = (byte)(150 - 40 * y / height + 6 * (i % 3));
        if (labels != null) Array.Clear(labels, 0, labels.Length);
    }

    /// <summary>Paint an oval with smooth edges between two rows. shade darkens it towards the edge, 0 to 1.
    /// Label -1 keeps the labels.</summary>
    public void Paint(float x, float y, float rx, float ry, float[] color, float shade, int label,
        float top = -100, float bottom = 100)
    {
        float cx = ToX(x), cy = ToY(y);
        rx *= side;
        ry *= side;
        top = ToY(top);
        bottom = ToY(bottom);
        int x0 = Clamp(cx - rx - 1, Width), x1 = Clamp(cx + rx + 2, Width);
        int y0 = Clamp(cy - ry - 1, Height), y1 = Clamp(cy + ry + 2, Height);
        for (int row = y0; row < y1; row++)
            for (int column = x0; column < x1; column++)
            {
                float u = (column - cx) / rx, v = (row - cy) / ry, radius = (float)Math.Sqrt(u * u + v * v);
                float slope = (float)Math.Sqrt(u * u / (rx * rx) + v * v / (ry * ry));
                float cover = slope > 0 ? 0.5f + (1 - radius) * radius / slope : 1;
                float light = 1 - shade * radius * radius;
                cover = cover > 1 ? 1 : cover;
                if (row < top) cover *= 1 + row - top;
                if (row > bottom) cover *= 1 + bottom - row;
                if (row <= top - 1 || row >= bottom + 1 || cover <= 0) continue;
                int at = row * Width + column;
                for (int i = 0; i < 3; i++)
                    Color[3 * at + i] = (byte)((1 - cover) * Color[3 * at + i] + cover * light * color[i] + 0.5f);
                if (label >= 0 && cover >= 0.5f && Labels != null) Labels[at] = (byte)label;
            }
    }

    float ToX(float x) { return (x - 0.5f) * side + 0.5f * (Width - 1); }
    float ToY(float y) { return (y - 0.5f) * side + 0.5f * (Height - 1); }
    static int Clamp(float value, int high) { return value < 0 ? 0 : value > high ? high : (int)value; }
}

/// <summary>The parameters of one face.</summary>
sealed class Character
{
    const int Background = 0, Skin = 1, LeftBrow = 2, LeftEye = 4, Nose = 6;
    const int UpperLip = 7, InnerMouth = 8, LowerLip = 9, HairLabel = 10;

    public readonly string Hair;
    readonly float skinTone, faceWidth, eyeSize, eyeDistance, browHeight, noseLength, mouthWidth, lipHeight;

    public Character(F2PMap values)
    {
        skinTone = Read(values, "skin_tone");
        faceWidth = Read(values, "face_width");
        eyeSize = Read(values, "eye_size");
        eyeDistance = Read(values, "eye_distance");
        browHeight = Read(values, "brow_height");
        noseLength = Read(values, "nose_length");
        mouthWidth = Read(values, "mouth_width");
        lipHeight = Read(values, "lip_height");
        Hair = values.Text("hair");
        if (Hair != "none" && Hair != "short" && Hair != "long")
            throw new F2PException("hair must be none, short or long");
    }

    static float Read(F2PMap values, string name)
    {
        double number = values.Number(name);
        if (Math.Abs(number) > 1000) throw new F2PException(name + " must be in the range of the layout");
        return (float)number;
    }

    public void Draw(Canvas c)
    {
        const float cm = 0.042f, eyeY = 0.47f, mouthY = 0.715f;
        float tone = 1 - skinTone / 160;
        float[] skin = { 245 * tone, 200 * tone, 172 * tone }, shadow = { 150 * tone, 105 * tone, 90 * tone };
        float[] hair = { 62, 42, 30 }, white = { 240, 238, 234 }, iris = { 70, 95, 120 }, black = { 18, 14, 14 };
        float[] lip = { 185 * (0.4f + 0.6f * tone), 78 * tone, 82 * tone }, mouth = { 80, 25, 28 };
        float width = faceWidth * cm / 2, eyeX = eyeDistance * cm / 20, eye = eyeSize * cm / 20 * 1.5f;
        float browY = eyeY - 0.02f - browHeight * cm / 10, noseY = eyeY - 0.06f + noseLength * cm / 10;
        float lipsX = mouthWidth * cm / 20, lipsY = lipHeight * cm / 20;
        if (Hair == "long") c.Paint(0.5f, 0.58f, width + 0.09f, 0.5f, hair, 0.35f, HairLabel);
        c.Paint(0.5f, 0.98f, 0.14f, 0.2f, shadow, 0.2f, Background);
        c.Paint(0.5f, 1.12f, 0.42f, 0.17f, iris, 0.3f, Background);
        for (int i = -1; i < 2; i += 2) c.Paint(0.5f + i * width, 0.52f, 0.03f, 0.06f, shadow, 0.2f, Background);
        c.Paint(0.5f, 0.53f, width, 0.37f, skin, 0.28f, Skin);
        for (int i = -1; i < 2; i += 2) // -1: the subject's right eye, on the left of the picture
        {
            float x = 0.5f + i * eyeX, high = 0.42f * eye;
            int right = i < 0 ? 1 : 0; // the label of the right side follows that of the left side
            c.Paint(x, eyeY, eye * 1.25f, high * 1.45f, shadow, 0, -1);
            c.Paint(x, eyeY, eye, high, white, 0.15f, LeftEye + right);
            c.Paint(x, eyeY, 0.42f * eye, 0.42f * eye, iris, 0.3f, -1);
            c.Paint(x, eyeY, 0.2f * eye, 0.2f * eye, black, 0, -1);
            c.Paint(x + 0.1f * eye, eyeY - 0.12f * eye, 0.07f * eye, 0.07f * eye, white, 0, -1);
            c.Paint(x, browY, 0.078f, 0.013f, hair, 0, LeftBrow + right);
        }
        c.Paint(0.5f, (eyeY + noseY) / 2, 0.024f, (noseY - eyeY) / 2 + 0.01f, skin, 0.05f, Nose);
        c.Paint(0.5f, noseY - 0.04f, 0.055f, 0.05f, skin, 0.22f, Nose);
        for (int i = -1; i < 2; i += 2)
            c.Paint(0.5f + 0.025f * i, noseY - 0.005f, 0.012f, 0.007f, shadow, 0, Nose);
        c.Paint(0.5f, mouthY, lipsX, lipsY, lip, 0.25f, UpperLip, -100, mouthY);
        c.Paint(0.5f, mouthY, lipsX, lipsY * 1.2f, lip, 0.1f, LowerLip, mouthY, 100);
        c.Paint(0.5f, mouthY, 0.96f * lipsX, 0.008f, mouth, 0, InnerMouth);
        if (Hair != "none") c.Paint(0.5f, 0.36f, width + 0.03f, 0.27f, hair, 0.3f, HairLabel, -100, 0.27f);
    }
}
