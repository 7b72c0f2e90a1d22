// Handles that release themselves, where the library is, and its errors.

using System;
using System.Runtime.InteropServices;
using System.Text;
#if NET
using System.Reflection;
using System.Runtime.CompilerServices;
#endif

namespace SpanTls;

/// <summary>A handle of the library's: a call that is under way keeps it alive.</summary>
internal abstract class TlsHandle : SafeHandle
{
    protected TlsHandle() : base(IntPtr.Zero, true) { }

    public override bool IsInvalid => handle == IntPtr.Zero;

    internal T With<T>(IntPtr value) where T : TlsHandle
    {
        SetHandle(value);
        return (T)this;
    }
}

internal sealed class CredentialsHandle : TlsHandle
{
    internal static readonly CredentialsHandle None = new();

    protected override bool ReleaseHandle()
    {
        NativeMethods.tls_credentials_destroy(handle);
        return true;
    }
}

internal sealed class OptionsHandle : TlsHandle
{
    internal static readonly OptionsHandle None = new();

    protected override bool ReleaseHandle()
    {
        NativeMethods.tls_options_destroy(handle);
        return true;
    }
}

internal sealed class ContextHandle : TlsHandle
{
    protected override bool ReleaseHandle()
    {
        NativeMethods.tls_context_destroy(handle);
        return true;
    }
}

internal sealed class SessionHandle : TlsHandle
{
    /// <summary>Held until the session is gone.</summary>
    internal SafeHandle? Socket { get; set; }

    /// <summary>Disposed of when the session is gone.</summary>
    internal IDisposable? Owned { get; set; }

    protected override bool ReleaseHandle()
    {
        NativeMethods.tls_session_destroy(handle);
        Socket?.DangerousRelease();
        Owned?.Dispose();
        return true;
    }
}

internal static unsafe partial class NativeMethods
{
    /// <summary>SPANTLS_LIB names the library where it is neither beside the program nor the system's.</summary>
    static NativeMethods()
    {
#if NET
        NativeLibrary.SetDllImportResolver(typeof(NativeMethods).Assembly, Find);
#endif
        if (spantls_abi_version() != AbiVersion)
        {
            throw new DllNotFoundException($"libspantls has ABI {spantls_abi_version()}, and not {AbiVersion}");
        }
    }

#if NET
    private static IntPtr Find(string name, Assembly assembly, DllImportSearchPath? paths)
    {
        if (name != Library)
        {
            return IntPtr.Zero;
        }
        string? given = Environment.GetEnvironmentVariable("SPANTLS_LIB");
        if (!string.IsNullOrEmpty(given))
        {
            return NativeLibrary.Load(given);
        }
        string soname = OperatingSystem.IsMacOS() ? $"libspantls.{AbiVersion}.dylib" : $"libspantls.so.{AbiVersion}";
        return NativeLibrary.TryLoad(name, assembly, paths, out IntPtr found) ||
            NativeLibrary.TryLoad(soname, assembly, paths, out found) ? found : IntPtr.Zero;
    }
#endif

    internal static string Text(byte* text)
    {
        int length = 0;
        while (text[length] != 0)
        {
            length++;
        }
        return Encoding.UTF8.GetString(text, length);
    }

    /// <summary>For strings of the C interface, which end where the first NUL is.</summary>
    internal static byte[] Terminated(string text) => text.IndexOf('\0') < 0 ? Encoding.UTF8.GetBytes(text + "\0") :
        throw new ArgumentException("a NUL in a text");

    /// <summary>For calls without a session.</summary>
    internal static void Must(int status)
    {
        if (status == 0)
        {
            return;
        }
        NativeError error = default;
        error.StructSize = (nuint)sizeof(NativeError);
        _ = spantls_last_error(&error);
        throw TlsException.From(status, error);
    }

    internal static void Must(SessionHandle session, int status)
    {
        if (status != 0)
        {
            throw Failed(session, status);
        }
    }

    internal static Exception Failed(SessionHandle session, int status)
    {
        NativeError error = default;
        error.StructSize = (nuint)sizeof(NativeError);
        _ = tls_session_error(session, &error);
        Exception failure = TlsException.From(status, error);
        return failure is TlsException failed ?
            failed.AsSslStreamThrows(tls_session_is_handshake_complete(session) == 0) : failure;
    }
}
