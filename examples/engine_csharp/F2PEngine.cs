// Client of the f2p bridge protocol 1.0 for game engines in C#, in one file and without packages.
//
//     var engine = new F2PEngine(new F2POptions {
//         Address = "tcp://127.0.0.1:15702", Game = "mygame", Name = "myengine", Version = "1.0",
//         Kinds = { { "hero", "0123456789abcdef" } } });
//     // once per frame, on the thread that may draw:
//     F2PRequest request;
//     while (engine.TryGetRequest(out request)) {
//         try {
//             if (request.IsApply) { PutOnScreen(request.Values); request.Applied(); }
//             else request.Picture(Draw(request.Values, request.Width, request.Height));
//         } catch (Exception error) { request.Fail(error.Message, ""); }
//     }
//     // at the end:
//     engine.Dispose();
//
// C# 7.2 and .NET Standard 2.0, without reflection, generated code and static state. docs/reference/protocol.md of
// f2p-sdk specifies the messages. Licence: Apache-2.0.

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;

namespace F2P
{
    /// <summary>State of the connection to the host.</summary>
    public enum F2PState
    {
        /// <summary>No host has admitted the engine yet. The engine tries again until one does.</summary>
        Connecting,
        /// <summary>The host has admitted the engine; requests may arrive.</summary>
        Connected,
        /// <summary>The host is gone or silent. The engine tries to connect again.</summary>
        Lost,
        /// <summary>The host refused the engine. Reason and Remedy have the texts. The engine has ended.</summary>
        Refused,
        /// <summary>The engine has ended: Dispose, or the host is gone and ExitWithHost is set.</summary>
        Ended,
    }

    /// <summary>Description of the engine. Do not change it after F2PEngine was made with it.</summary>
    public sealed class F2POptions
    {
        /// <summary>Address of the host, tcp://HOST:PORT.</summary>
        public string Address = "tcp://127.0.0.1:15702";
        /// <summary>Names of the game and of this program, version of this program; up to 200 characters.</summary>
        public string Game = "", Name = "", Version = "";
        /// <summary>Hash of the layout of each kind of character. `f2p check` shows the hash.</summary>
        public readonly Dictionary<string, string> Kinds = new Dictionary<string, string>();
        /// <summary>Build number or hash of the rig and the art; may be empty.</summary>
        public string Assets = "";
        /// <summary>Longest side of a picture in pixels, 1 to 4096.</summary>
        public int MaxSize = 1024;
        /// <summary>Planes that the engine draws; contains "color".</summary>
        public string[] Passes = { "color" };
        /// <summary>Maximum number of open requests, 1 to 64.</summary>
        public int Credits = 4;
        /// <summary>True if the game reads F2PRequest.Scene. If false, requests with a scene fail.</summary>
        public bool Scenes = false;
        /// <summary>End when the host is gone, or if no host admits the engine within a minute.</summary>
        public bool ExitWithHost = false;
    }

    /// <summary>Map with text keys in the order of insertion. Values are null, bool, long, ulong (numbers above
    /// long.MaxValue), double, string, F2PMap and object[].</summary>
    public sealed class F2PMap
    {
        readonly List<string> keys = new List<string>();
        readonly Dictionary<string, object> items = new Dictionary<string, object>(StringComparer.Ordinal);

        /// <summary>Number of keys.</summary>
        public int Count { get { return keys.Count; } }
        /// <summary>Keys in their order.</summary>
        public IList<string> Keys { get { return keys.AsReadOnly(); } }
        /// <summary>Value of a key; null if the key is absent. Setting an existing key keeps its place.</summary>
        public object this[string key]
        {
            get { object item; return items.TryGetValue(key, out item) ? item : null; }
            set { if (!items.ContainsKey(key)) keys.Add(key); items[key] = value; }
        }
        /// <summary>True if the key is present.</summary>
        public bool Has(string key) { return items.ContainsKey(key); }
        /// <summary>Value of a key that must be a number, integer or float.</summary>
        /// <exception cref="F2PException">The key is absent or has another type.</exception>
        public double Number(string key)
        {
            object item = this[key];
            if (item is double) return (double)item;
            if (item is long) return (long)item;
            if (item is ulong) return (ulong)item;
            throw new F2PException("'" + key + "' is missing or not a number");
        }
        /// <summary>Value of a key that must be a text.</summary>
        /// <exception cref="F2PException">The key is absent or has another type.</exception>
        public string Text(string key)
        {
            string text = this[key] as string;
            if (text == null) throw new F2PException("'" + key + "' is missing or not a text");
            return text;
        }
        internal F2PMap With(string key, object value) { this[key] = value; return this; }
    }

    /// <summary>One plane of a picture: little-endian, C-contiguous, first row on top.</summary>
    public sealed class F2PPlane
    {
        public readonly string Pass, Dtype;
        public readonly int[] Shape;
        public readonly byte[] Data;
        /// <param name="pass">Name of the pass.</param>
        /// <param name="dtype">u1 (bytes), f4 (floats of 32 bits) or i4 (integers of 32 bits).</param>
        /// <param name="shape">Sizes of the dimensions, e.g. height, width, 3.</param>
        /// <param name="data">The numbers. Do not change the array afterwards.</param>
        public F2PPlane(string pass, string dtype, int[] shape, byte[] data)
        { Pass = pass; Dtype = dtype; Shape = shape; Data = data; }
    }

    /// <summary>An error of a message, an address or an option. The text is for people.</summary>
    public sealed class F2PException : Exception
    {
        public readonly string Remedy;
        public F2PException(string message, string remedy = "") : base(message) { Remedy = remedy; }
    }

    /// <summary>A request of the host. Answer it once, from any thread: Picture, Planes, Applied or Fail. These
    /// methods return false, and do nothing, if the request was answered before or dropped (connection lost).</summary>
    public sealed class F2PRequest
    {
        internal readonly F2PEngine Engine;
        internal readonly F2PSlot Slot;
        internal bool Answered;
        readonly double taken;

        /// <summary>True: put the character on the player's screen. False: draw it.</summary>
        public readonly bool IsApply;
        /// <summary>Kind of character, one of F2POptions.Kinds.</summary>
        public readonly string Kind;
        /// <summary>Size in pixels of the picture, at most F2POptions.MaxSize; 0 if IsApply.</summary>
        public readonly int Width, Height;
        /// <summary>Planes of the answer in this order, from F2POptions.Passes; empty if IsApply.</summary>
        public readonly string[] Passes;
        /// <summary>Parameters of the character: a finite number in the game's unit, or the name of a choice.</summary>
        public readonly F2PMap Values;
        /// <summary>Settings of the scene; empty means the standard portrait.</summary>
        public readonly F2PMap Scene;

        internal F2PRequest(F2PEngine engine, F2PSlot slot, F2PMap values, double now)
        {
            Engine = engine; Slot = slot; Values = values; taken = now;
            IsApply = slot.Type == F2PWire.Apply;
            Kind = slot.Kind; Width = slot.Width; Height = slot.Height; Passes = slot.Passes; Scene = slot.Scene;
        }

        /// <summary>True until the request is answered or dropped.</summary>
        public bool IsOpen { get { return Engine.IsOpen(this); } }

        /// <summary>Answer with the pass "color": width x height x 3 bytes, sRGB, first row on top. The client keeps
        /// the array until it is sent; F2PEngine.TakeBuffer returns it afterwards.</summary>
        public bool Picture(byte[] color)
        { return Planes(new F2PPlane("color", "u1", new[] { Height, Width, 3 }, color)); }

        /// <summary>Answer with one plane for each of Passes, in the same order.</summary>
        public bool Planes(params F2PPlane[] planes)
        {
            string error = IsApply ? "an APPLY request needs Applied()" : F2PWire.CheckPlanes(this, planes);
            if (error != "") { Fail("the engine's code has a defect: " + error, ""); return false; }
            var described = new object[planes.Length];
            var data = new byte[planes.Length][];
            for (int i = 0; i < planes.Length; i++)
            {
                var shape = new object[planes[i].Shape.Length];
                for (int k = 0; k < shape.Length; k++) shape[k] = (long)planes[i].Shape[k];
                described[i] = new F2PMap().With("pass", planes[i].Pass).With("dtype", planes[i].Dtype)
                    .With("shape", shape);
                data[i] = planes[i].Data;
            }
            F2PMap header = Head().With("seconds", Engine.Now - taken).With("planes", described);
            return Engine.Complete(this, F2PWire.Picture, header, data);
        }

        /// <summary>Answer to an APPLY request: the character is on the screen.</summary>
        public bool Applied()
        {
            if (!IsApply) { Fail("the engine's code has a defect: this request needs Picture()", ""); return false; }
            return Engine.Complete(this, F2PWire.Applied, Head(), null);
        }

        /// <summary>Answer that the request failed. The SDK shows both texts; remedy may be empty.</summary>
        public bool Fail(string message, string remedy)
        { return Engine.Complete(this, F2PWire.Failed, F2PWire.FailedHeader(Slot.Id, message, remedy), null); }

        F2PMap Head() { return F2PWire.AnswerHeader(Slot.Id); }
    }

    /// <summary>An open request: its bytes, its contents once it is read, its answer.</summary>
    sealed class F2PSlot
    {
        internal byte Type;
        internal byte[] Header;
        internal int Epoch; // number of the WELCOME before it
        internal ulong Id;
        internal string Kind;
        internal int Width, Height;
        internal string[] Passes = { };
        internal F2PMap Scene = new F2PMap();
        internal F2PMap[] Characters; // one, except for MEASURE; null if the request is invalid
        internal long Total = 1, Given, Done; // pictures to draw, given to the game, drawn
        internal double Started; // MEASURE: time of the first measured picture
        internal F2POutgoing Answer;
        internal bool IsMeasure { get { return Type == F2PWire.Measure; } }
    }

    /// <summary>A message with its ZMTP framing. Planes follow the head, each after its own frame header.</summary>
    sealed class F2POutgoing
    {
        internal byte[] Head;
        internal byte[][] Planes;
    }

    /// <summary>Connection of a game engine to an f2p host. Two background threads do the work: one connects and
    /// receives, one sends answers and heartbeats. No thread stays in a system call for longer than 50 ms, except in
    /// the lookup of a host name. All members may be used from any thread.</summary>
    public sealed class F2PEngine : IDisposable
    {
        const int SliceMilliseconds = 50;
        const double ConnectSeconds = 5, HandshakeSeconds = 5, FirstWelcomeSeconds = 60, EndSeconds = 0.2;
        const double HelloSeconds = 0.1; // shortest time from one HELLO to the next
        const double FirstBackoff = 0.1, LastBackoff = 1;

        readonly F2POptions options;
        readonly string host;
        readonly int port;
        readonly byte[] hello;
        readonly Stopwatch clock = Stopwatch.StartNew();
        readonly Thread receiver, sender;
        readonly byte[] buffer = new byte[65536], preamble = new byte[64], header = new byte[F2PWire.MaxHeaderBytes];
        int bufferStart, bufferEnd; // received and not yet read; used by the receiver only
        Socket watchdog; // used by the receiver only

        readonly object gate = new object(); // protects all fields below
        readonly List<F2PSlot> open = new List<F2PSlot>(); // all open requests, in order of arrival
        readonly Queue<F2PSlot> inbox = new Queue<F2PSlot>(); // those that the game has not taken
        readonly Queue<F2POutgoing> outbox = new Queue<F2POutgoing>();
        readonly List<byte[]> spare = new List<byte[]>();
        F2PSlot current; // the request whose pictures TryGetRequest returns
        F2PState state = F2PState.Connecting;
        string reason = "not connected yet", remedy = "";
        string[] warnings = { };
        Socket socket; // null while there is no connection
        bool ready, serving, ending, byeDue;
        byte[] pong;
        int epoch, welcomes, drawing;
        long ignored;
        double heartbeat = 1, silence = 10;
        double nextSend, lastHello, lastReceived, absentSince, busySince, handshakeEnd, sendEnd;

        /// <summary>Check the options and start to connect. The constructor does not wait.</summary>
        /// <exception cref="F2PException">An option is invalid.</exception>
        public F2PEngine(F2POptions options)
        {
            this.options = options;
            F2PWire.ParseAddress(options.Address, out host, out port);
            hello = F2PWire.Message(F2PWire.Hello, F2PWire.HelloHeader(options), null).Head;
            receiver = new Thread(RunReceiver) { IsBackground = true, Name = "f2p-receive" };
            sender = new Thread(RunSender) { IsBackground = true, Name = "f2p-send" };
            receiver.Start();
            sender.Start();
        }

        /// <summary>State of the connection.</summary>
        public F2PState State { get { lock (gate) return state; } }
        /// <summary>Reason of the state, for people: why refused, lost or not connected; empty if connected.</summary>
        public string Reason { get { lock (gate) return reason; } }
        /// <summary>Next step, for people; may be empty.</summary>
        public string Remedy { get { lock (gate) return remedy; } }
        /// <summary>Warnings of the last WELCOME.</summary>
        public string[] Warnings { get { lock (gate) return (string[])warnings.Clone(); } }
        /// <summary>Number of ignored messages: malformed ones, and requests without credit.</summary>
        public long Ignored { get { lock (gate) return ignored; } }
        internal double Now { get { return clock.Elapsed.TotalSeconds; } }

        /// <summary>Take the next request without waiting. False if there is none.</summary>
        public bool TryGetRequest(out F2PRequest request) { return TryGetRequest(0, out request); }

        /// <summary>Take the next request. Wait for it up to the given time, and not after the engine's end.</summary>
        public bool TryGetRequest(int milliseconds, out F2PRequest request)
        {
            double until = Now + milliseconds / 1000.0;
            lock (gate)
            {
                while (true)
                {
                    while (current == null && inbox.Count > 0) Open(inbox.Dequeue());
                    request = NextPicture();
                    if (request != null) return true;
                    int left = (int)Math.Ceiling((until - Now) * 1000);
                    if (ending || left <= 0) return false;
                    Monitor.Wait(gate, left);
                }
            }
        }

        /// <summary>Array of this length for a plane: one that was sent before, or a new one. Its contents are
        /// undefined. An engine that uses it allocates no array per picture.</summary>
        public byte[] TakeBuffer(int length)
        {
            lock (gate)
            {
                int found = spare.FindIndex(b => b.Length == length);
                if (found < 0) return new byte[length];
                byte[] taken = spare[found];
                spare.RemoveAt(found);
                return taken;
            }
        }

        /// <summary>Send the finished answers and GOODBYE if the connection takes them at once, end both threads and
        /// disconnect. It takes about 0.1 s, at most 0.6 s, in every state. More calls do nothing.</summary>
        public void Dispose()
        {
            lock (gate) End(F2PState.Ended, "the engine was disposed", "");
            sender.Join(300);
            receiver.Join(300);
        }

        // ---- Requests ----

        internal bool IsOpen(F2PRequest request)
        { lock (gate) return !request.Answered && request.Slot.Answer == null && IsCurrent(request.Slot); }

        internal bool Complete(F2PRequest request, byte type, F2PMap fields, byte[][] planes)
        {
            F2PSlot slot = request.Slot;
            bool measured = slot.IsMeasure && type == F2PWire.Picture; // such pictures are not sent
            F2POutgoing answer = measured ? null : F2PWire.Message(type, fields, planes);
            lock (gate)
            {
                if (request.Answered) return false;
                request.Answered = true;
                bool live = IsCurrent(slot);
                if (live) drawing--;
                live = live && slot.Answer == null; // another picture of a MEASURE may have failed
                if (planes != null && (measured || !live)) Recycle(planes);
                if (!live) return false;
                if (measured)
                {
                    slot.Done++;
                    if (slot.Done == slot.Characters.Length) slot.Started = Now;
                    if (slot.Done == slot.Total)
                        answer = F2PWire.Message(F2PWire.Measured, F2PWire.AnswerHeader(slot.Id)
                            .With("seconds", Now - slot.Started)
                            .With("pictures", slot.Total - slot.Characters.Length), null);
                }
                if (answer != null) Deliver(slot, answer);
                Monitor.PulseAll(gate);
                return true;
            }
        }

        // The methods from here to the threads are called with the lock held.

        bool IsCurrent(F2PSlot slot) { return serving && slot.Epoch == epoch; }

        // Read a request. A defect in it becomes the answer FAILED; without a readable id there is no answer.
        void Open(F2PSlot slot)
        {
            bool hasId = false;
            try
            {
                F2PMap fields = F2PWire.Unpack(slot.Header, slot.Header.Length);
                slot.Header = null;
                slot.Id = F2PWire.ReadId(fields);
                hasId = true;
                F2PWire.ReadRequest(slot, fields, options);
                current = slot;
            }
            catch (F2PException error)
            {
                slot.Header = null;
                if (hasId)
                    Deliver(slot, F2PWire.Message(F2PWire.Failed,
                        F2PWire.FailedHeader(slot.Id, error.Message, error.Remedy), null));
                else { ignored++; open.Remove(slot); }
            }
        }

        // The next picture of the current request; null if there is none now.
        F2PRequest NextPicture()
        {
            F2PSlot slot = current;
            if (slot == null) return null;
            int count = slot.Characters.Length;
            if (slot.IsMeasure)
            {
                // The first round loads the game's data and is not measured. Few pictures are drawn at a time.
                if (slot.Given == slot.Total || slot.Given - slot.Done >= options.Credits) return null;
                if (slot.Given >= count && slot.Done < count) return null;
            }
            else current = null; // a measurement remains current until it is answered: it is drawn alone
            if (drawing++ == 0) busySince = Now;
            return new F2PRequest(this, slot, slot.Characters[(int)(slot.Given++ % count)], Now);
        }

        // Store the answer of a request; it is sent after the answers of earlier requests.
        void Deliver(F2PSlot slot, F2POutgoing answer)
        {
            slot.Answer = answer;
            if (current == slot) current = null;
            while (open.Count > 0 && open[0].Answer != null)
            {
                outbox.Enqueue(open[0].Answer);
                open.RemoveAt(0);
            }
            Monitor.PulseAll(gate);
        }

        void Recycle(byte[][] planes)
        {
            foreach (byte[] plane in planes)
            {
                if (spare.Contains(plane)) continue;
                if (spare.Count >= options.Credits * options.Passes.Length) spare.RemoveAt(0);
                spare.Add(plane);
            }
        }

        // Drop the open requests and greet again.
        void Leave(string why, string next)
        {
            if (ending) return;
            if (serving) { absentSince = Now; state = F2PState.Lost; }
            reason = why;
            remedy = next;
            serving = false;
            nextSend = 0;
            Drop();
            outbox.Clear();
        }

        void Drop()
        {
            epoch++;
            drawing = 0;
            current = null;
            open.Clear();
            inbox.Clear();
            Monitor.PulseAll(gate);
        }

        void End(F2PState final, string why, string next)
        {
            if (ending) return;
            byeDue |= serving && final == F2PState.Ended;
            ending = true;
            serving = false;
            state = final;
            reason = why;
            remedy = next;
            sendEnd = Now + EndSeconds; // finished answers are still sent
            Drop();
        }

        // End if the host is gone; throw if this connection must be closed.
        void CheckTime(Socket own)
        {
            if (WatchdogExpired()) End(F2PState.Ended, "the command that started this engine has ended", "");
            double now = Now, absent = serving ? 0 : now - absentSince;
            double limit = welcomes == 0 ? FirstWelcomeSeconds : ready ? silence : 3 * heartbeat;
            if (options.ExitWithHost && absent > limit)
                End(F2PState.Ended, "no host at " + options.Address, "");
            if (own == null) return;
            // At the end the sender closes the socket, after its last messages.
            if (own != socket || (ending && now > sendEnd)) throw new F2PException("closed");
            if (!ready && now > handshakeEnd)
                throw new F2PException(options.Address + " does not answer as ZeroMQ",
                    "check the port: another program may listen there");
            if (ready && now - lastReceived > silence) throw new F2PException("the host is silent");
        }

        // ---- Receiver ----

        void RunReceiver()
        {
            double backoff = FirstBackoff;
            int attempt = 0;
            ConnectWatchdog();
            while (true)
            {
                int before;
                lock (gate) { if (ending) break; before = welcomes; }
                Socket own = null;
                try
                {
                    own = Connect(attempt++);
                    lock (gate)
                    {
                        if (ending) throw new F2PException("closed");
                        socket = own;
                        handshakeEnd = Now + HandshakeSeconds;
                    }
                    bufferStart = bufferEnd = 0;
                    Handshake(own);
                    lock (gate) { ready = true; nextSend = lastHello + HelloSeconds; lastReceived = Now; Monitor.PulseAll(gate); }
                    while (true) ReceiveFrames(own);
                }
                catch (Exception error) { CloseSocket(own, error); }
                lock (gate)
                {
                    backoff = welcomes != before ? FirstBackoff : Math.Min(LastBackoff, 2 * backoff);
                    for (double until = Now + backoff; !ending && Now < until; CheckTime(null))
                        Monitor.Wait(gate, SliceMilliseconds);
                }
            }
            if (watchdog != null) watchdog.Close();
        }

        Socket Connect(int attempt)
        {
            IPAddress[] addresses;
            IPAddress address;
            if (host == "localhost") addresses = new[] { IPAddress.Loopback };
            else if (IPAddress.TryParse(host.Trim('[', ']'), out address)) addresses = new[] { address };
            else addresses = Dns.GetHostAddresses(host);
            if (addresses.Length == 0) throw new F2PException("there is no address of " + host);
            address = addresses[attempt % addresses.Length];
            return Connect(address, port, Now + ConnectSeconds);
        }

        Socket Connect(IPAddress address, int port, double until)
        {
            var made = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                IAsyncResult result = made.BeginConnect(address, port, null, null);
                while (!result.AsyncWaitHandle.WaitOne(SliceMilliseconds))
                    lock (gate)
                    {
                        CheckTime(null);
                        if (ending || Now > until) throw new F2PException("the connection was not accepted in time");
                    }
                made.EndConnect(result);
                made.NoDelay = true;
                made.Blocking = false;
                return made;
            }
            catch (Exception) { made.Close(); throw; }
        }

        void Handshake(Socket own)
        {
            Send(own, F2PWire.Greeting());
            var greeting = new byte[64];
            Receive(own, greeting, 11);
            if (greeting[0] != 0xff || greeting[9] != 0x7f)
                throw new F2PException(options.Address + " is not ZeroMQ",
                    "check the port: another program may listen there");
            if (greeting[10] < 3)
                throw new F2PException("the host speaks ZMTP " + greeting[10] + ", this engine 3.0", "update the host");
            greeting[0] = greeting[10];
            Receive(own, greeting, 53);
            string mechanism = Encoding.ASCII.GetString(greeting, 1, 20).TrimEnd('\0');
            if (mechanism != "NULL")
                throw new F2PException("the host requires the mechanism " + mechanism + ", this engine has only NULL",
                    "run the host without keys on loopback, or connect through an encrypted tunnel");
            Send(own, F2PWire.Ready());
            while (ReceiveFrames(own) != "READY") { }
        }

        // Receive one message or one command; return the command's name.
        string ReceiveFrames(Socket own)
        {
            int frames = 0, preambleSize = 0, headerSize = 0;
            bool valid = true;
            var start = new byte[8];
            while (true)
            {
                Receive(own, start, 1);
                byte flags = start[0];
                int sizeBytes = (flags & F2PWire.Long) != 0 ? 8 : 1;
                Receive(own, start, sizeBytes);
                ulong size = 0;
                for (int i = 0; i < sizeBytes; i++) size = size << 8 | start[i];
                if ((flags & ~7) != 0 || size > F2PWire.MaxPlaneBytes)
                    throw new F2PException("the host sent bytes that are not ZMTP, or a frame that is too large");
                if ((flags & F2PWire.Command) != 0)
                {
                    if (size > F2PWire.MaxCommandBytes || (flags & F2PWire.More) != 0)
                        throw new F2PException("the host sent an invalid ZMTP command");
                    var command = new byte[(int)size];
                    Receive(own, command, command.Length);
                    string name = HandleCommand(command);
                    if (frames == 0) return name;
                    continue;
                }
                lock (gate) if (!ready) throw new F2PException("the host sent a message before READY");
                int keep = frames == 0 ? preamble.Length : frames == 1 ? header.Length : 0;
                if (size > (ulong)keep || frames >= F2PWire.MaxFrames)
                {
                    // Planes are for hosts only; the bytes are read and not stored.
                    valid &= frames >= 2 && frames < F2PWire.MaxFrames;
                    Receive(own, null, (int)size);
                }
                else if (frames == 0) Receive(own, preamble, preambleSize = (int)size);
                else Receive(own, header, headerSize = (int)size);
                frames = Math.Min(frames + 1, F2PWire.MaxFrames);
                if ((flags & F2PWire.More) == 0) break;
            }
            lock (gate)
            {
                valid &= frames >= 2 && preambleSize == 6 && preamble[0] == 'F' && preamble[1] == '2'
                    && preamble[2] == 'P';
                try { if (valid) Handle(headerSize); }
                catch (F2PException) { valid = false; } // a malformed header
                if (!valid) ignored++;
            }
            return "";
        }

        // Read exactly count bytes into target; null discards them.
        void Receive(Socket own, byte[] target, int count)
        {
            for (int done = 0; done < count;)
            {
                if (bufferStart == bufferEnd)
                {
                    lock (gate) CheckTime(own);
                    if (!own.Poll(SliceMilliseconds * 1000, SelectMode.SelectRead)) continue;
                    SocketError error;
                    int received = own.Receive(buffer, 0, buffer.Length, SocketFlags.None, out error);
                    if (error == SocketError.WouldBlock) continue;
                    if (error != SocketError.Success) throw new SocketException((int)error);
                    if (received == 0) throw new F2PException(ready ? "the host closed the connection"
                        : "the host closed the connection in the handshake: does it require keys? "
                            + "This client has none: use a host on this machine, without keys");
                    bufferStart = 0;
                    bufferEnd = received;
                }
                int part = Math.Min(count - done, bufferEnd - bufferStart);
                if (target != null) Buffer.BlockCopy(buffer, bufferStart, target, done, part);
                bufferStart += part;
                done += part;
            }
        }

        string HandleCommand(byte[] command)
        {
            string text = Encoding.ASCII.GetString(command);
            if (text.StartsWith("\u0005ERROR", StringComparison.Ordinal))
                throw new F2PException("the host reports: " + text.Substring(Math.Min(7, text.Length)));
            if (text.StartsWith("\u0004PING", StringComparison.Ordinal) && command.Length >= 7)
                lock (gate) { pong = F2PWire.Pong(command); Monitor.PulseAll(gate); }
            if (!text.StartsWith("\u0005READY", StringComparison.Ordinal)) return "";
            // A port may connect to itself, and is then a DEALER.
            if (text.IndexOf("Socket-Type\0\0\0\u0006ROUTER", StringComparison.Ordinal) < 0)
                throw new F2PException(options.Address + " is another type of socket than ROUTER");
            return "READY";
        }

        // Handle a message with a valid preamble, with the lock held.
        void Handle(int headerSize)
        {
            byte major = preamble[3], minor = preamble[4], type = preamble[5];
            if (major != F2PWire.Major)
            {
                string why = "the host uses bridge protocol " + major + "." + minor + ", this engine "
                    + F2PWire.Major + "." + F2PWire.Minor;
                string next = "install releases with the same major protocol version on both sides";
                if (type == F2PWire.Refused) F2PWire.ReadRefusal(header, headerSize, ref why, ref next);
                End(F2PState.Refused, why, next);
                return;
            }
            if (type == F2PWire.Render || type == F2PWire.Apply || type == F2PWire.Measure)
            {
                lastReceived = Now;
                // Unsent answers count, too: a host that does not read cannot fill the memory.
                if (!serving || open.Count + outbox.Count >= options.Credits) { ignored++; return; }
                var bytes = new byte[headerSize];
                Buffer.BlockCopy(header, 0, bytes, 0, headerSize);
                var slot = new F2PSlot { Type = type, Header = bytes, Epoch = epoch };
                open.Add(slot);
                inbox.Enqueue(slot);
                Monitor.PulseAll(gate);
                return;
            }
            F2PMap fields = F2PWire.Unpack(header, headerSize);
            if (type == F2PWire.Welcome)
            {
                fields.Text("host");
                double beat = F2PWire.Finite(fields, "heartbeat"), quiet = F2PWire.Finite(fields, "silence");
                var texts = fields["warnings"] as object[] ?? new object[0];
                Leave("", "");
                heartbeat = Math.Min(60, Math.Max(0.02, beat));
                silence = Math.Min(600, Math.Max(0.1, quiet));
                warnings = Array.ConvertAll(texts, t => t as string ?? "");
                if (!ending) { serving = true; state = F2PState.Connected; welcomes++; }
                nextSend = Now + heartbeat;
            }
            else if (type == F2PWire.Refused)
            {
                string why = "the host refused this engine (" + fields.Text("code") + "): " + fields.Text("message");
                End(F2PState.Refused, why, fields.Text("remedy"));
            }
            else if (type == F2PWire.Again)
            {
                Leave("the host does not know this engine", "");
                nextSend = lastHello + HelloSeconds;
            }
            else if (type == F2PWire.Goodbye)
            {
                string why = "the host closed: " + fields.Text("reason");
                Leave(why, "");
                byeDue = true;
                nextSend = Now + Math.Max(heartbeat, HelloSeconds);
                if (options.ExitWithHost) End(F2PState.Ended, why, "");
            }
            lastReceived = Now;
            Monitor.PulseAll(gate);
        }

        void CloseSocket(Socket own, Exception error)
        {
            lock (gate)
            {
                var known = error as F2PException;
                string why = known != null ? known.Message : error is SocketException && own == null
                    ? "no host at " + options.Address + ": " + error.Message : "connection lost: " + error.Message;
                if (own == socket)
                {
                    Leave(why, known != null ? known.Remedy : own == null ? "check that the host runs there" : "");
                    socket = null;
                    ready = byeDue = false;
                    pong = null;
                }
                Monitor.PulseAll(gate);
            }
            if (own == null) return;
            try { own.Shutdown(SocketShutdown.Send); } catch (Exception) { }
            try { own.Close(); } catch (Exception) { }
        }

        // The command that started this engine listens on a port while it runs.
        void ConnectWatchdog()
        {
            string text = Environment.GetEnvironmentVariable("F2P_WATCHDOG");
            if (string.IsNullOrEmpty(text)) return;
            try { watchdog = Connect(IPAddress.Loopback, int.Parse(text), Now + ConnectSeconds); }
            catch (Exception)
            { lock (gate) End(F2PState.Ended, "the command that started this engine has ended", ""); }
        }

        bool WatchdogExpired()
        {
            if (watchdog == null || Thread.CurrentThread != receiver) return false;
            try { return watchdog.Poll(0, SelectMode.SelectRead) && watchdog.Available == 0; }
            catch (Exception) { return true; }
        }

        // ---- Sender ----

        void RunSender()
        {
            Socket target = null;
            while (true)
            {
                F2POutgoing next;
                lock (gate)
                {
                    int wait;
                    while ((next = NextMessage(out wait)) == null && !ending) Monitor.Wait(gate, wait);
                    target = socket;
                }
                if (next == null) break;
                try
                {
                    Send(target, next.Head);
                    for (int i = 0; next.Planes != null && i < next.Planes.Length; i++)
                    {
                        Send(target, F2PWire.FrameHead(next.Planes[i].Length, i + 1 < next.Planes.Length, true));
                        Send(target, next.Planes[i]);
                    }
                }
                catch (Exception error) { CloseSocket(target, error); }
                if (next.Planes != null) lock (gate) Recycle(next.Planes);
            }
            CloseSocket(target, new F2PException("closed"));
        }

        // The message that is due, with the lock held; null, and the milliseconds to wait, if there is none.
        F2POutgoing NextMessage(out int wait)
        {
            wait = 1000;
            if (!ready) return null;
            if (pong != null)
            {
                var answer = new F2POutgoing { Head = pong };
                pong = null;
                return answer;
            }
            if ((serving || ending) && outbox.Count > 0 && (ending || Now < nextSend)) return outbox.Dequeue();
            if (byeDue)
            {
                byeDue = false;
                return F2PWire.Message(F2PWire.Goodbye, new F2PMap().With("reason", "the engine closes"), null);
            }
            if (ending) return null;
            double left = nextSend - Now;
            wait = (int)(left * 1000) + 1;
            if (left > 0) return null;
            nextSend = Now + (serving ? heartbeat : Math.Max(heartbeat, HelloSeconds));
            if (serving) return F2PWire.Heartbeat(drawing > 0 ? Now - busySince : 0);
            lastHello = Now;
            return new F2POutgoing { Head = hello };
        }

        void Send(Socket target, byte[] data)
        {
            for (int done = 0; done < data.Length;)
            {
                lock (gate)
                    if (target == null || target != socket || (ending && Now > sendEnd))
                        throw new F2PException("closed");
                SocketError error;
                int sent = target.Send(data, done, Math.Min(65536, data.Length - done), SocketFlags.None, out error);
                done += Math.Max(0, sent);
                if (error == SocketError.WouldBlock) target.Poll(SliceMilliseconds * 1000, SelectMode.SelectWrite);
                else if (error != SocketError.Success) throw new SocketException((int)error);
            }
        }
    }

    /// <summary>ZMTP 3.0 framing, messages and msgpack.</summary>
    static class F2PWire
    {
        internal const byte Major = 1, Minor = 0;
        internal const byte Hello = 1, Welcome = 2, Refused = 3, Again = 4, HeartbeatType = 5, Goodbye = 6;
        internal const byte Render = 16, Picture = 17, Apply = 18, Applied = 19;
        internal const byte Measure = 20, Measured = 21, Failed = 22;
        internal const int MaxFrames = 10, MaxHeaderBytes = 262144, MaxPlaneBytes = 67108864, MaxCommandBytes = 4096;
        internal const int MaxDepth = 8, MaxItems = 8192, MaxText = 4096, MaxSide = 4096, MaxCredits = 64;
        internal const int MaxName = 200, MaxRows = 1048576, MaxRepeat = 100000;
        internal const int More = 1, Long = 2, Command = 4; // flags of a ZMTP frame

        // ---- ZMTP ----

        internal static byte[] Greeting()
        {
            var greeting = new byte[64];
            greeting[0] = 0xff;
            greeting[9] = 0x7f;
            greeting[10] = 3;
            Encoding.ASCII.GetBytes("NULL", 0, 4, greeting, 12);
            return greeting;
        }

        internal static byte[] Ready()
        { return ZmtpCommand("\u0005READY\u000bSocket-Type\0\0\0\u0006DEALER\u0008Identity\0\0\0\0", null, 0); }

        internal static byte[] Pong(byte[] ping)
        { return ZmtpCommand("\u0004PONG", ping, 7); } // after the name and two bytes of time: the context

        static byte[] ZmtpCommand(string text, byte[] tail, int from)
        {
            int tailSize = tail == null ? 0 : Math.Min(16, tail.Length - from);
            var command = new byte[2 + text.Length + tailSize];
            command[0] = Command;
            command[1] = (byte)(command.Length - 2);
            Encoding.ASCII.GetBytes(text, 0, text.Length, command, 2);
            if (tailSize > 0) Buffer.BlockCopy(tail, from, command, 2 + text.Length, tailSize);
            return command;
        }

        internal static byte[] FrameHead(int size, bool more, bool longForm)
        {
            byte flags = (byte)(more ? More : 0);
            if (!longForm && size < 256) return new[] { flags, (byte)size };
            var head = new byte[9];
            head[0] = (byte)(flags | Long);
            for (int i = 0; i < 4; i++) head[8 - i] = (byte)(size >> 8 * i);
            return head;
        }

        internal static F2POutgoing Message(byte type, F2PMap header, byte[][] planes)
        {
            byte[] packed = Pack(header);
            if (packed.Length > MaxHeaderBytes) throw new F2PException("the header of a message is too large");
            byte[] frame = FrameHead(packed.Length, planes != null && planes.Length > 0, false);
            var head = new byte[8 + frame.Length + packed.Length];
            byte[] start = { More, 6, (byte)'F', (byte)'2', (byte)'P', Major, Minor, type };
            start.CopyTo(head, 0);
            frame.CopyTo(head, 8);
            packed.CopyTo(head, 8 + frame.Length);
            return new F2POutgoing { Head = head, Planes = planes };
        }

        // ---- Messages of the engine ----

        internal static F2PMap HelloHeader(F2POptions options)
        {
            foreach (string name in new[] { options.Game, options.Name, options.Version, options.Assets })
                Check(name != null && name.Length <= MaxName, "Game, Name, Version or Assets", "has at most 200 characters");
            Check(options.Kinds.Count >= 1 && options.Kinds.Count <= MaxCredits, "Kinds", "has 1 to 64 kinds");
            Check(options.MaxSize >= 1 && options.MaxSize <= MaxSide, "MaxSize", "is 1 to 4096");
            Check(options.Credits >= 1 && options.Credits <= MaxCredits, "Credits", "is 1 to 64");
            Check(options.Passes != null && Array.IndexOf(options.Passes, "color") >= 0, "Passes", "contains color");
            var kinds = new F2PMap();
            foreach (KeyValuePair<string, string> kind in options.Kinds)
            {
                Check(kind.Value != null && kind.Key.Length + kind.Value.Length <= MaxName, "Kinds",
                    "has at most 200 characters for a kind and its hash");
                kinds[kind.Key] = kind.Value;
            }
            foreach (string pass in options.Passes) Check(DtypeOf(pass) != "", "Passes", "has names of passes");
            F2PMap header = new F2PMap().With("role", "engine").With("game", options.Game).With("name", options.Name)
                .With("version", options.Version).With("kinds", kinds).With("max_size", (long)options.MaxSize)
                .With("passes", Array.ConvertAll(options.Passes, p => (object)p))
                .With("credits", (long)options.Credits);
            return options.Assets == "" ? header : header.With("assets", options.Assets);
        }

        internal static F2POutgoing Heartbeat(double busy)
        { return Message(HeartbeatType, new F2PMap().With("busy", busy), null); }

        internal static F2PMap AnswerHeader(ulong id) { return new F2PMap().With("id", id).With("credits", 1L); }

        internal static F2PMap FailedHeader(ulong id, string message, string remedy)
        { return AnswerHeader(id).With("message", Clip(message)).With("remedy", Clip(remedy)); }

        static string Clip(string text)
        {
            if (text == null) return "";
            if (text.Length <= MaxText) return text;
            return text.Substring(0, char.IsHighSurrogate(text[MaxText - 1]) ? MaxText - 1 : MaxText);
        }

        static void Check(bool valid, string option, string rule)
        { if (!valid) throw new F2PException("F2POptions." + option + " is invalid: it " + rule); }

        internal static void ParseAddress(string address, out string host, out int port)
        {
            host = "";
            port = 0;
            int colon = address == null ? -1 : address.LastIndexOf(':');
            bool valid = colon > 6 && address.StartsWith("tcp://", StringComparison.Ordinal)
                && int.TryParse(address.Substring(colon + 1), out port) && port > 0 && port < 65536;
            if (!valid) throw new F2PException("'" + address + "' is no address tcp://HOST:PORT");
            host = address.Substring(6, colon - 6);
        }

        // Error of the planes of an answer, empty if they are valid.
        internal static string CheckPlanes(F2PRequest request, F2PPlane[] planes)
        {
            if (planes == null || planes.Length != request.Passes.Length)
                return "the answer needs the planes " + string.Join(", ", request.Passes);
            for (int i = 0; i < planes.Length; i++)
            {
                F2PPlane plane = planes[i];
                string pass = request.Passes[i];
                if (plane == null || plane.Data == null || plane.Shape == null || plane.Pass != pass)
                    return "plane " + i + " must be " + pass;
                if (plane.Dtype != DtypeOf(pass)) return "plane " + pass + " must have dtype " + DtypeOf(pass);
                if (!HasShape(pass, plane.Shape, request.Width, request.Height))
                    return "plane " + pass + " has a wrong shape for " + request.Width + "x" + request.Height;
                long size = plane.Dtype == "u1" ? 1 : 4;
                foreach (int side in plane.Shape) size *= side;
                if (plane.Data.Length != size || size > MaxPlaneBytes)
                    return "plane " + pass + " has " + plane.Data.Length + " bytes, its shape needs " + size
                        + ", at most " + MaxPlaneBytes + " are allowed";
            }
            return "";
        }

        internal static string DtypeOf(string pass)
        {
            switch (pass)
            {
                case "color": case "labels": return "u1";
                case "landmarks": case "depth": case "vertices": case "attributes": return "f4";
                case "triangles": return "i4";
                default: return "";
            }
        }

        static bool HasShape(string pass, int[] shape, int width, int height)
        {
            if (shape.Length != (pass == "color" ? 3 : 2)) return false;
            int a = shape[0], b = shape[1];
            switch (pass)
            {
                case "color": return a == height && b == width && shape[2] == 3;
                case "labels": case "depth": return a == height && b == width;
                case "landmarks": return a == 73 && b == 3;
                case "vertices": return a >= 0 && a <= MaxRows && b == 5;
                case "attributes": return a >= 0 && a <= MaxRows && b >= 4 && b <= MaxItems;
                default: return a >= 0 && a <= MaxRows && b == 3;
            }
        }

        // ---- Messages of the host ----

        internal static double Finite(F2PMap fields, string name)
        {
            double number = fields.Number(name);
            if (double.IsNaN(number) || double.IsInfinity(number))
                throw new F2PException("'" + name + "' is not finite");
            return number;
        }

        internal static ulong ReadId(F2PMap fields)
        {
            object id = fields["id"];
            if (id is ulong) return (ulong)id;
            if (id is long && (long)id >= 0) return (ulong)(long)id;
            throw new F2PException("'id' is missing or not an unsigned integer of 64 bits");
        }

        static long Integer(F2PMap fields, string name)
        {
            object item = fields[name];
            if (item is long) return (long)item;
            throw new F2PException("'" + name + "' is missing or not an integer");
        }

        static T Typed<T>(object item, string name, string expected) where T : class
        {
            var typed = item as T;
            if (typed == null) throw new F2PException("'" + name + "' is missing or not " + expected);
            return typed;
        }

        internal static void ReadRefusal(byte[] header, int size, ref string why, ref string next)
        {
            try
            {
                F2PMap fields = Unpack(header, size);
                why = "the host refused this engine (" + fields.Text("code") + "): " + fields.Text("message")
                    + "; " + why;
                if (fields.Text("remedy") != "") next = fields.Text("remedy");
            }
            catch (F2PException) { } // then the versions are the reason
        }

        // Check a request against the engine's options and fill its slot.
        internal static void ReadRequest(F2PSlot slot, F2PMap fields, F2POptions options)
        {
            slot.Kind = fields.Text("kind");
            if (!options.Kinds.ContainsKey(slot.Kind))
                throw new F2PException("this engine has no kind '" + slot.Kind + "'");
            if (slot.Type == Apply)
            {
                slot.Characters = new[] { ReadValues(fields["values"]) };
                return;
            }
            var size = Typed<object[]>(fields["size"], "size", "an array");
            if (size.Length != 2 || !(size[0] is long) || !(size[1] is long))
                throw new F2PException("'size' is not width and height");
            long width = (long)size[0], height = (long)size[1];
            if (width < 1 || height < 1 || width > options.MaxSize || height > options.MaxSize)
                throw new F2PException(width + "x" + height + " is not 1 to " + options.MaxSize + " pixels");
            slot.Width = (int)width;
            slot.Height = (int)height;
            var passes = Typed<object[]>(fields["passes"], "passes", "an array");
            if (passes.Length < 1 || passes.Length > MaxFrames - 2)
                throw new F2PException("'passes' must have 1 to " + (MaxFrames - 2) + " names");
            slot.Passes = Array.ConvertAll(passes, p => p as string ?? "");
            for (int i = 0; i < slot.Passes.Length; i++)
            {
                if (Array.IndexOf(options.Passes, slot.Passes[i]) < 0)
                    throw new F2PException("this engine has no pass '" + slot.Passes[i] + "'");
                if (Array.IndexOf(slot.Passes, slot.Passes[i]) < i)
                    throw new F2PException("the pass '" + slot.Passes[i] + "' is requested twice");
            }
            if (fields.Has("scene")) slot.Scene = Typed<F2PMap>(fields["scene"], "scene", "a map");
            if (slot.Scene.Count > 0 && !options.Scenes)
                throw new F2PException("this engine does not support '" + slot.Scene.Keys[0] + "' of the scene",
                    "leave the scene out");
            if (slot.Type == Render)
            {
                slot.Characters = new[] { ReadValues(fields["values"]) };
                return;
            }
            long repeat = Integer(fields, "repeat");
            var characters = Typed<object[]>(fields["characters"], "characters", "an array");
            if (characters.Length < 1 || repeat < 1 || repeat > MaxRepeat)
                throw new F2PException("MEASURE needs at least one character, and repeat from 1 to " + MaxRepeat);
            slot.Characters = Array.ConvertAll(characters, c => ReadValues(c));
            slot.Total = characters.Length * (repeat + 1);
        }

        static F2PMap ReadValues(object item)
        {
            var values = Typed<F2PMap>(item, "values", "a map");
            foreach (string name in values.Keys)
            {
                object value = values[name];
                bool finite = value is double && !double.IsNaN((double)value) && !double.IsInfinity((double)value);
                if (!finite && !(value is string) && !(value is long) && !(value is ulong))
                    throw new F2PException("value of '" + name + "' is not a finite number or a text");
            }
            return values;
        }

        // ---- msgpack ----

        internal static byte[] Pack(F2PMap map)
        {
            using (var stream = new MemoryStream())
            {
                Write(stream, map);
                return stream.ToArray();
            }
        }

        static void Write(Stream stream, object item)
        {
            if (item is double) WriteCode(stream, 0xcb, (ulong)BitConverter.DoubleToInt64Bits((double)item), 8);
            else if (item is ulong) WriteUnsigned(stream, (ulong)item);
            else if (item is long) WriteUnsigned(stream, (ulong)(long)item); // no message of an engine has others
            else if (item is string)
            {
                byte[] text = new UTF8Encoding(false).GetBytes((string)item);
                if (text.Length < 32) stream.WriteByte((byte)(0xa0 | text.Length));
                else if (text.Length < 256) WriteCode(stream, 0xd9, (ulong)text.Length, 1);
                else WriteCode(stream, 0xda, (ulong)text.Length, 2); // texts have at most 4 x 4096 bytes
                stream.Write(text, 0, text.Length);
            }
            else if (item is object[])
            {
                var items = (object[])item;
                if (items.Length < 16) stream.WriteByte((byte)(0x90 | items.Length));
                else WriteCode(stream, 0xdc, (ulong)items.Length, 2);
                foreach (object one in items) Write(stream, one);
            }
            else
            {
                var map = (F2PMap)item;
                if (map.Count < 16) stream.WriteByte((byte)(0x80 | map.Count));
                else WriteCode(stream, 0xde, (ulong)map.Count, 2);
                foreach (string key in map.Keys)
                {
                    Write(stream, key);
                    Write(stream, map[key]);
                }
            }
        }

        static void WriteUnsigned(Stream stream, ulong number)
        {
            if (number < 128) stream.WriteByte((byte)number);
            else if (number <= byte.MaxValue) WriteCode(stream, 0xcc, number, 1);
            else if (number <= ushort.MaxValue) WriteCode(stream, 0xcd, number, 2);
            else if (number <= uint.MaxValue) WriteCode(stream, 0xce, number, 4);
            else WriteCode(stream, 0xcf, number, 8);
        }

        static void WriteCode(Stream stream, byte code, ulong number, int bytes)
        {
            stream.WriteByte(code);
            for (int i = bytes - 1; i >= 0; i--) stream.WriteByte((byte)(number >> 8 * i));
        }

        // Return the map in data, which has nothing after it. Limits are checked before memory is allocated.
        internal static F2PMap Unpack(byte[] data, int size)
        {
            int at = 0;
            var map = Read(data, size, ref at, 1) as F2PMap;
            if (map == null || at != size) throw new F2PException("the header is not one msgpack map");
            return map;
        }

        static object Read(byte[] data, int size, ref int at, int depth)
        {
            byte code = (byte)ReadNumber(data, size, ref at, 1);
            if (code < 0x80) return (long)code;
            if (code >= 0xe0) return (long)(sbyte)code;
            if (code < 0x90) return ReadMap(data, size, ref at, code & 15u, depth);
            if (code < 0xa0) return ReadArray(data, size, ref at, code & 15u, depth);
            if (code < 0xc0) return ReadText(data, size, ref at, code & 31u);
            switch (code)
            {
                case 0xc0: return null;
                case 0xc2: return false;
                case 0xc3: return true;
                case 0xca:
                    byte[] single = BitConverter.GetBytes((uint)ReadNumber(data, size, ref at, 4));
                    return (double)BitConverter.ToSingle(single, 0);
                case 0xcb: return BitConverter.Int64BitsToDouble((long)ReadNumber(data, size, ref at, 8));
                case 0xcc: return (long)ReadNumber(data, size, ref at, 1);
                case 0xcd: return (long)ReadNumber(data, size, ref at, 2);
                case 0xce: return (long)ReadNumber(data, size, ref at, 4);
                case 0xcf:
                    ulong number = ReadNumber(data, size, ref at, 8);
                    return number > long.MaxValue ? (object)number : (long)number;
                case 0xd0: return (long)(sbyte)ReadNumber(data, size, ref at, 1);
                case 0xd1: return (long)(short)ReadNumber(data, size, ref at, 2);
                case 0xd2: return (long)(int)ReadNumber(data, size, ref at, 4);
                case 0xd3: return (long)ReadNumber(data, size, ref at, 8);
                case 0xd9: return ReadText(data, size, ref at, ReadNumber(data, size, ref at, 1));
                case 0xda: return ReadText(data, size, ref at, ReadNumber(data, size, ref at, 2));
                case 0xdb: return ReadText(data, size, ref at, ReadNumber(data, size, ref at, 4));
                case 0xdc: return ReadArray(data, size, ref at, ReadNumber(data, size, ref at, 2), depth);
                case 0xdd: return ReadArray(data, size, ref at, ReadNumber(data, size, ref at, 4), depth);
                case 0xde: return ReadMap(data, size, ref at, ReadNumber(data, size, ref at, 2), depth);
                case 0xdf: return ReadMap(data, size, ref at, ReadNumber(data, size, ref at, 4), depth);
                default: throw new F2PException("the header has a msgpack type that is not allowed");
            }
        }

        static ulong ReadNumber(byte[] data, int size, ref int at, int bytes)
        {
            if (size - at < bytes) throw new F2PException("the header is cut off");
            ulong number = 0;
            for (int i = 0; i < bytes; i++) number = number << 8 | data[at++];
            return number;
        }

        static string ReadText(byte[] data, int size, ref int at, ulong bytes)
        {
            if (bytes > (ulong)(size - at)) throw new F2PException("the header is cut off");
            if (bytes > 4 * MaxText) throw new F2PException("the header has a text that is too long");
            string text;
            try { text = new UTF8Encoding(false, true).GetString(data, at, (int)bytes); }
            catch (ArgumentException) { throw new F2PException("the header has a text that is not UTF-8"); }
            at += (int)bytes;
            int characters = text.Length;
            foreach (char c in text) if (char.IsLowSurrogate(c)) characters--;
            if (characters > MaxText) throw new F2PException("the header has a text that is too long");
            return text;
        }

        static object[] ReadArray(byte[] data, int size, ref int at, ulong count, int depth)
        {
            CheckCount(count, (ulong)(size - at), depth);
            var items = new object[(int)count];
            for (int i = 0; i < items.Length; i++) items[i] = Read(data, size, ref at, depth + 1);
            return items;
        }

        static F2PMap ReadMap(byte[] data, int size, ref int at, ulong count, int depth)
        {
            CheckCount(count, (ulong)(size - at) / 2, depth);
            var map = new F2PMap();
            for (ulong i = 0; i < count; i++)
            {
                string key = Read(data, size, ref at, depth + 1) as string;
                if (key == null) throw new F2PException("the header has a key that is not a text");
                map[key] = Read(data, size, ref at, depth + 1);
            }
            return map;
        }

        static void CheckCount(ulong count, ulong possible, int depth)
        {
            if (depth > MaxDepth) throw new F2PException("the header is nested too deeply");
            if (count > MaxItems) throw new F2PException("the header has too many items in one place");
            if (count > possible) throw new F2PException("the header is cut off");
        }
    }
}
