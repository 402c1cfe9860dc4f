// The few types of Unity that F2PBehaviour.cs uses. A camera draws rows whose red value is their distance from the top;
// the GPU's first row is at the bottom, and a readback ends when the test calls AsyncGPUReadback.Finish.

using System;
using System.Collections.Generic;

namespace Unity.Collections
{
    public struct NativeArray<T> where T : struct
    {
        internal byte[] Data;
        public void CopyTo(byte[] target) { Data.CopyTo(target, 0); }
    }
}

namespace UnityEngine
{
    public class TooltipAttribute : Attribute { public TooltipAttribute(string tooltip) { } }
    public class Object { public static void Destroy(Object target) { } }
    public class MonoBehaviour : Object { }
    public enum RenderTextureFormat { ARGB32 }
    public enum RenderTextureReadWrite { sRGB }
    public enum TextureFormat { RGBA32 }
    public class Texture : Object { public int width, height; }

    public class RenderTexture : Texture
    {
        public static int Held;
        public static RenderTexture active;
        internal byte[] Pixels;
        public static RenderTexture GetTemporary(int width, int height, int depthBuffer, RenderTextureFormat format,
            RenderTextureReadWrite readWrite)
        {
            Held++;
            return new RenderTexture { width = width, height = height, Pixels = new byte[4 * width * height] };
        }
        public static void ReleaseTemporary(RenderTexture texture) { Held--; }
    }

    public class Texture2D : Texture
    {
        byte[] pixels;
        public Texture2D(int width, int height, TextureFormat format, bool mipChain)
        { this.width = width; this.height = height; }
        public void ReadPixels(Rect source, int x, int y, bool recalculateMipMaps)
        { pixels = (byte[])RenderTexture.active.Pixels.Clone(); }
        public byte[] GetRawTextureData() { return pixels; }
    }

    public struct Rect { public Rect(float x, float y, float width, float height) { } }

    public class Camera : Object
    {
        public bool enabled;
        public RenderTexture targetTexture;
        public float aspect;
        public void Render()
        {
            RenderTexture target = targetTexture;
            for (int y = 0; y < target.height; y++)
                for (int x = 0; x < target.width; x++)
                {
                    int at = 4 * (y * target.width + x);
                    target.Pixels[at] = (byte)(target.height - 1 - y);
                    target.Pixels[at + 1] = (byte)x;
                    target.Pixels[at + 2] = 7;
                    target.Pixels[at + 3] = 255;
                }
        }
    }

    public static class Application
    {
        public static bool runInBackground;
        public static string productName = "stub", version = "1.0";
    }

    public static class SystemInfo
    {
        public static bool supportsAsyncGPUReadback = true;
        public static int maxTextureSize = 16384;
    }

    public static class Debug
    {
        public static void Log(object message) { Console.WriteLine("log " + message); }
        public static void LogWarning(object message) { Console.WriteLine("warning " + message); }
        public static void LogError(object message) { Console.WriteLine("error " + message); }
        public static void LogException(Exception error) { Console.WriteLine("exception " + error.Message); }
    }
}

namespace UnityEngine.Rendering
{
    public struct AsyncGPUReadbackRequest
    {
        internal byte[] Data;
        public bool hasError { get { return Data == null; } }
        public Unity.Collections.NativeArray<T> GetData<T>(int layer = 0) where T : struct
        { return new Unity.Collections.NativeArray<T> { Data = Data }; }
    }

    public static class AsyncGPUReadback
    {
        static readonly Queue<Action> pending = new Queue<Action>();
        public static AsyncGPUReadbackRequest Request(Texture source, int mipIndex, TextureFormat format,
            Action<AsyncGPUReadbackRequest> callback)
        {
            byte[] data = ((RenderTexture)source).Pixels;
            pending.Enqueue(() => callback(new AsyncGPUReadbackRequest { Data = data }));
            return new AsyncGPUReadbackRequest();
        }
        public static void Finish() { while (pending.Count > 0) pending.Dequeue()(); }
    }
}
