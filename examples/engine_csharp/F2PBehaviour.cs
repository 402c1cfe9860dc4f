// Unity component that draws characters for f2p-sdk. Copy it and F2PEngine.cs into Assets/, derive a class from it and
// put that on an object of a scene with a camera for portraits:
//
//     public sealed class Portraits : F2PBehaviour
//     {
//         protected override void SetCharacter(string kind, F2PMap values, F2PMap scene)
//         { head.SetBlendShapeWeight(0, (float)values.Number("nose_width")); }
//         protected override void ApplyToPlayer(string kind, F2PMap values) { player.Load(values); }
//     }
//
// Unity 2019.3 or later. The types of Unity that this file uses were compiled against a stub, not run in Unity.
// Licence: Apache-2.0.

using System;
using System.Collections.Generic;
using F2P;
using UnityEngine;
using UnityEngine.Rendering;

/// <summary>Connects to an f2p host while the component is enabled, and draws its requests with a camera. All of Unity
/// is used on the main thread only. There is no static state, so that play mode may start without a domain
/// reload.</summary>
public abstract class F2PBehaviour : MonoBehaviour
{
    [Tooltip("Address of the host")]
    public string address = "tcp://127.0.0.1:15702";
    [Tooltip("Names of the game and of its kind of character, as in the layout")]
    public string game = "mygame", kind = "hero";
    [Tooltip("Hash of the layout, as `f2p check -g GAME/KIND --no-engine` prints it")]
    public string layoutHash = "";
    [Tooltip("Build number or hash of the rig and the art")]
    public string assets = "";
    [Tooltip("Camera that sees only the portrait; it is disabled and draws on request")]
    public Camera portraitCamera;
    [Tooltip("Longest side of a picture in pixels")]
    public int maxSize = 1024;
    [Tooltip("Turn pictures by rows. Unity's first row is at the bottom; switch it off if portraits stand on the head")]
    public bool flipRows = true;

    readonly List<RenderTexture> reading = new List<RenderTexture>();
    F2PEngine engine;
    Texture2D copy;
    F2PState shown;

    /// <summary>Set up the character in front of the portrait camera, in its standard pose. Everything must have its
    /// final look when the method returns. Exceptions become the error text of the request.</summary>
    protected abstract void SetCharacter(string kind, F2PMap values, F2PMap scene);

    /// <summary>Put the character on the player's screen.</summary>
    protected abstract void ApplyToPlayer(string kind, F2PMap values);

    protected virtual void OnEnable()
    {
        // Otherwise Unity stops drawing while another window has the focus.
        Application.runInBackground = true;
        if (portraitCamera != null) portraitCamera.enabled = false;
        try
        {
            var options = new F2POptions
            {
                Address = address, Game = game, Name = Application.productName + " (Unity)",
                Version = Application.version, Assets = assets, MaxSize = Math.Min(maxSize, SystemInfo.maxTextureSize)
            };
            options.Kinds[kind] = layoutHash;
            engine = new F2PEngine(options);
            shown = F2PState.Ended;
        }
        catch (F2PException error) { Debug.LogError("f2p: " + error.Message); }
    }

    // Unity calls OnDisable before it destroys the object, reloads the domain or leaves play mode. OnApplicationQuit
    // comes first when a build ends. Neither waits for the host or the GPU.
    protected virtual void OnDisable() { Close(); }
    protected virtual void OnApplicationQuit() { Close(); }

    void Close()
    {
        if (engine != null) engine.Dispose();
        engine = null;
        foreach (RenderTexture texture in reading) RenderTexture.ReleaseTemporary(texture);
        reading.Clear();
        if (copy != null) Destroy(copy);
        copy = null;
    }

    protected virtual void Update()
    {
        if (engine == null) return;
        Report();
        F2PRequest request;
        // Few readbacks at a time: each holds a texture. The client keeps the other requests.
        while (reading.Count < 4 && engine.TryGetRequest(out request))
        {
            try
            {
                if (request.IsApply)
                {
                    ApplyToPlayer(request.Kind, request.Values);
                    request.Applied();
                }
                else Draw(request);
            }
            catch (Exception error)
            {
                Debug.LogException(error);
                request.Fail(error.GetType().Name + ": " + error.Message, "read the console of Unity");
            }
        }
    }

    void Report()
    {
        if (engine.State == shown) return;
        shown = engine.State;
        string text = "f2p: " + shown + " " + engine.Reason + " " + engine.Remedy;
        if (shown == F2PState.Refused) Debug.LogError(text);
        else Debug.Log(text);
        foreach (string warning in engine.Warnings) Debug.LogWarning("f2p: " + warning);
    }

    void Draw(F2PRequest request)
    {
        if (portraitCamera == null) throw new F2PException("portraitCamera is not set");
        SetCharacter(request.Kind, request.Values, request.Scene);
        // sRGB: with linear lighting the GPU encodes the colours, with gamma lighting they are encoded already.
        RenderTexture texture = RenderTexture.GetTemporary(request.Width, request.Height, 24,
            RenderTextureFormat.ARGB32, RenderTextureReadWrite.sRGB);
        reading.Add(texture);
        bool later = false;
        try
        {
            portraitCamera.targetTexture = texture;
            portraitCamera.aspect = (float)request.Width / request.Height;
            portraitCamera.Render();
            if (SystemInfo.supportsAsyncGPUReadback)
            {
                later = true;
                F2PEngine owner = engine;
                AsyncGPUReadback.Request(texture, 0, TextureFormat.RGBA32,
                    result => Finish(owner, request, texture, result));
            }
            else request.Picture(ToRows(engine, request, ReadPixels(texture)));
        }
        finally
        {
            portraitCamera.targetTexture = null;
            if (!later) Release(texture);
        }
    }

    // Called by Unity on the main thread, some frames later, perhaps after OnDisable.
    void Finish(F2PEngine owner, F2PRequest request, RenderTexture texture, AsyncGPUReadbackRequest result)
    {
        Release(texture);
        if (owner != engine || !request.IsOpen) return;
        try
        {
            if (result.hasError) throw new F2PException("the GPU could not return the picture");
            byte[] pixels = owner.TakeBuffer(4 * request.Width * request.Height);
            result.GetData<byte>().CopyTo(pixels);
            request.Picture(ToRows(owner, request, pixels));
        }
        catch (Exception error)
        {
            Debug.LogException(error);
            request.Fail(error.GetType().Name + ": " + error.Message, "read the console of Unity");
        }
    }

    void Release(RenderTexture texture)
    {
        if (reading.Remove(texture)) RenderTexture.ReleaseTemporary(texture);
    }

    // Waits for the GPU: only where AsyncGPUReadback is not supported.
    byte[] ReadPixels(RenderTexture texture)
    {
        if (copy != null && (copy.width != texture.width || copy.height != texture.height))
        {
            Destroy(copy);
            copy = null;
        }
        if (copy == null) copy = new Texture2D(texture.width, texture.height, TextureFormat.RGBA32, false);
        RenderTexture before = RenderTexture.active;
        RenderTexture.active = texture;
        copy.ReadPixels(new Rect(0, 0, texture.width, texture.height), 0, 0, false);
        RenderTexture.active = before;
        return copy.GetRawTextureData();
    }

    // RGBA with the first row at the bottom to RGB with the first row on top.
    byte[] ToRows(F2PEngine owner, F2PRequest request, byte[] pixels)
    {
        int width = request.Width, height = request.Height;
        byte[] color = owner.TakeBuffer(3 * width * height);
        for (int y = 0, to = 0; y < height; y++)
        {
            int from = 4 * width * (flipRows ? height - 1 - y : y);
            for (int x = 0; x < width; x++, from += 4)
            {
                color[to++] = pixels[from];
                color[to++] = pixels[from + 1];
                color[to++] = pixels[from + 2];
            }
        }
        return color;
    }
}
