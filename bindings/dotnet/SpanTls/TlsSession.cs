using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;

namespace SpanTls;

/// <summary>One connection: a state machine over spans, or bound to a socket. It never waits and calls nobody back but the callbacks
/// of the options. One thread may read while another writes.</summary>
/// <remarks>A call that fails throws: an AuthenticationException for a refused peer or a failed handshake, whose inner exception is a
/// <see cref="TlsException"/>; that itself for others; <see cref="InvalidOperationException"/> in a wrong state. An
/// alert for the peer comes first: the call that fails returns <see cref="TlsOperationStatus.WantWrite"/> with it, and the next call
/// throws, and so does each one after it.</remarks>
public sealed partial class TlsSession : IDisposable
{
    // Options that were given to a session make one context, however often they are given: its tickets are good for all of them.
    private static readonly ConditionalWeakTable<SslServerAuthenticationOptions, MadeContext> s_contexts = new();

    private readonly SessionHandle _handle;
    // A SafeSocketHandle, or where .NET has none for this a Socket, which this keeps alive.
    private readonly IDisposable? _socket;
    private TlsContext _context;
    /// <summary>What this session was given, instead of the context's.</summary>
    private TlsCredentials? _credentials;
    private bool _hasOwnCredentials;
    /// <summary>The host has called for the end of our direction.</summary>
    private volatile bool _closedHere;
    /// <summary>Decrypt has returned for an alert that is to be sent.</summary>
    private bool _alertOffered;

    private TlsSession(TlsContext context, SessionHandle handle, IDisposable? socket)
    {
        _context = context;
        _handle = handle;
        _socket = socket;
        if (!string.IsNullOrEmpty(context.TargetHost))
        {
            TargetHostName = context.TargetHost;
        }
    }

    /// <summary>A session over spans.</summary>
    public static TlsSession Create(TlsContext context)
    {
        NotNull(context, nameof(context));
        NativeMethods.Must(NativeMethods.tls_session_create(context.Handle, out IntPtr made));
        return new TlsSession(context, new SessionHandle().With<SessionHandle>(made), null);
    }

#if NET
    /// <summary>A session that moves its bytes itself, over a connected, non-blocking socket. Where the socket stays the host's,
    /// dispose of the session first, then of the socket: the other way round disposing of the socket waits for the session.</summary>
    /// <param name="context">What it shares with others.</param>
    /// <param name="socket">The socket.</param>
    /// <param name="flags">Whether the session disposes of the socket (<see cref="TlsSocketFlags.Own"/>), and whether the kernel is to
    /// have the keys. Without any the socket stays the host's.</param>
    public static TlsSession Create(TlsContext context, SafeSocketHandle socket, TlsSocketFlags flags = 0) =>
        Create(context, socket, new OwnedSocket(socket), flags);

    /// <summary>A handle that is disposed of resets the connection, and what was sent last is lost; a socket that is closes it.</summary>
    private sealed class OwnedSocket : IDisposable
    {
        private readonly SafeSocketHandle _handle;

        internal OwnedSocket(SafeSocketHandle handle) => _handle = handle;

        public void Dispose()
        {
            if (_handle.IsClosed || _handle.IsInvalid)
            {
                return;
            }
            try
            {
                new Socket(_handle).Dispose();
            }
            catch (SocketException)
            {
                _handle.Dispose(); // The system says nothing about it any more.
            }
        }
    }

    private static TlsSession Create(TlsContext context, SafeSocketHandle socket, IDisposable owned, TlsSocketFlags flags)
    {
        NotNull(context, nameof(context));
        NotNull(socket, nameof(socket));
        bool held = false;
        socket.DangerousAddRef(ref held);
        try
        {
            SessionHandle handle = Bound(context, socket.DangerousGetHandle(), owned, flags);
            handle.Socket = socket;
            held = false;
            return new TlsSession(context, handle, socket);
        }
        finally
        {
            if (held)
            {
                socket.DangerousRelease();
            }
        }
    }

    /// <summary>The socket that the session is bound to.</summary>
    public SafeSocketHandle? Socket => (SafeSocketHandle?)_socket;
#endif

    /// <summary>The same with a socket object.</summary>
    public static TlsSession Create(TlsContext context, Socket socket, TlsSocketFlags flags = 0)
    {
        NotNull(context, nameof(context));
        NotNull(socket, nameof(socket));
#if NET
        return Create(context, socket.SafeHandle, socket, flags);
#else
        return new TlsSession(context, Bound(context, socket.Handle, socket, flags), socket);
#endif
    }

    private static void NotNull(object? argument, string name)
    {
        if (argument == null)
        {
            throw new ArgumentNullException(name);
        }
    }

    /// <summary>The library borrows the socket in any case: .NET closes it, once.</summary>
    private static SessionHandle Bound(TlsContext context, IntPtr socket, IDisposable owned, TlsSocketFlags flags)
    {
        const TlsSocketFlags Owner = TlsSocketFlags.Borrow | TlsSocketFlags.Own;
        if ((flags & Owner) == Owner)
        {
            throw new ArgumentException("Own and Borrow exclude each other", nameof(flags));
        }
        NativeMethods.Must(NativeMethods.tls_session_create_with_socket(
            context.Handle, socket, (uint)((flags & ~Owner) | TlsSocketFlags.Borrow), out IntPtr made));
        SessionHandle handle = new SessionHandle().With<SessionHandle>(made);
        handle.Owned = (flags & TlsSocketFlags.Own) != 0 ? owned : null;
        return handle;
    }

    /// <summary>What callbacks get as the sender: the stream that the session is part of, or the session.</summary>
    internal object? Sender { get; set; }

    /// <summary>Whether this end is the server.</summary>
    public bool IsServer => _context.IsServer;

    // --- Over spans

    /// <summary>Does the handshake. Complete: it is finished, the peer judged, and everything written.</summary>
    public TlsOperationStatus ProcessHandshake(
        ReadOnlySpan<byte> input, Span<byte> output, out int bytesConsumed, out int bytesWritten)
    {
        bytesConsumed = bytesWritten = 0;
        while (true)
        {
            TlsOperationStatus status = ProcessHandshakeOnce(
                input.Slice(bytesConsumed), output.Slice(bytesWritten), out int consumed, out int written, out Exception? failure);
            bytesConsumed += consumed;
            bytesWritten += written;
            if (failure != null)
            {
                return AlertFirst(failure, output.Slice(bytesWritten), ref bytesWritten);
            }
            if (!AnswersItself(status))
            {
                return status;
            }
        }
    }

    /// <summary>The same, with nothing answered here and nothing thrown.</summary>
    internal unsafe TlsOperationStatus ProcessHandshakeOnce(
        ReadOnlySpan<byte> input, Span<byte> output, out int bytesConsumed, out int bytesWritten, out Exception? failure)
    {
        nuint consumed = 0, written = 0;
        fixed (byte* from = input, to = output)
        {
            int status = NativeMethods.tls_session_handshake(
                _handle, from, (nuint)input.Length, to, (nuint)output.Length, &consumed, &written);
            bytesConsumed = (int)consumed;
            bytesWritten = (int)written;
            failure = status < 0 ? Failed(status) : null;
            return (TlsOperationStatus)status;
        }
    }

    /// <summary>Whether the session's context answers NeedsServerOptions.</summary>
    internal bool DecidesItself => _context.Decide != null;

    /// <summary>Answers what the options have an answer to.</summary>
    internal bool AnswersItself(TlsOperationStatus status)
    {
        switch (status)
        {
            case TlsOperationStatus.NeedsSignature when _context.SignInCall && CanSign:
                Sign();
                return true;
            case TlsOperationStatus.NeedsServerOptions when DecidesItself:
                SetServerContext(_context);
                return true;
            case TlsOperationStatus.WantCredentials when _context.LocalSelection != null || _context.ChoosesCertificate:
                SelectLocalCertificate();
                return true;
            default:
                return false;
        }
    }

    /// <summary>Seals plaintext into records.</summary>
    public TlsOperationStatus Encrypt(ReadOnlySpan<byte> plaintext, Span<byte> ciphertext, out int bytesConsumed, out int bytesWritten)
    {
        TlsOperationStatus status = EncryptOnce(plaintext, ciphertext, out bytesConsumed, out bytesWritten, out Exception? failure);
        return failure == null ? status : AlertFirst(failure, ciphertext, ref bytesWritten);
    }

    /// <summary>The same, with nothing thrown.</summary>
    internal unsafe TlsOperationStatus EncryptOnce(
        ReadOnlySpan<byte> plaintext, Span<byte> ciphertext, out int bytesConsumed, out int bytesWritten, out Exception? failure)
    {
        nuint consumed = 0, written = 0;
        fixed (byte* from = plaintext, to = ciphertext)
        {
            int status = NativeMethods.tls_session_encrypt(
                _handle, from, (nuint)plaintext.Length, to, (nuint)ciphertext.Length, &consumed, &written);
            bytesConsumed = (int)consumed;
            bytesWritten = (int)written;
            failure = status < 0 ? ClosedByPeer(Failed(status)) : null;
            return (TlsOperationStatus)status;
        }
    }

    /// <summary>Opens records. A failure with an alert for the peer returns <see cref="TlsOperationStatus.WantWrite"/> once, with
    /// the alert for <see cref="DrainPendingOutput"/>; the next call throws.</summary>
    public TlsOperationStatus Decrypt(ReadOnlySpan<byte> ciphertext, Span<byte> plaintext, out int bytesConsumed, out int bytesWritten)
    {
        TlsOperationStatus status = DecryptOnce(ciphertext, plaintext, out bytesConsumed, out bytesWritten, out Exception? failure);
        return failure == null ? status : AlertElsewhere(failure);
    }

    /// <summary>The same, with nothing thrown.</summary>
    internal unsafe TlsOperationStatus DecryptOnce(
        ReadOnlySpan<byte> ciphertext, Span<byte> plaintext, out int bytesConsumed, out int bytesWritten, out Exception? failure)
    {
        nuint consumed = 0, written = 0;
        fixed (byte* from = ciphertext, to = plaintext)
        {
            int status = NativeMethods.tls_session_decrypt(
                _handle, from, (nuint)ciphertext.Length, to, (nuint)plaintext.Length, &consumed, &written);
            bytesConsumed = (int)consumed;
            bytesWritten = (int)written;
            failure = status < 0 ? Failed(status) : null;
            return (TlsOperationStatus)status;
        }
    }

    /// <summary>Opens the first record where it lies; the plaintext is a part of <paramref name="data"/>.</summary>
    public unsafe TlsOperationStatus DecryptInPlace(
        Span<byte> data, out int bytesConsumed, out int plaintextOffset, out int plaintextLength)
    {
        nuint consumed = 0, offset = 0, length = 0;
        fixed (byte* at = data)
        {
            int status = NativeMethods.tls_session_decrypt_in_place(
                _handle, at, (nuint)data.Length, &consumed, &offset, &length);
            bytesConsumed = (int)consumed;
            plaintextOffset = (int)offset;
            plaintextLength = (int)length;
            return status >= 0 ? (TlsOperationStatus)status : AlertElsewhere(Failed(status));
        }
    }

    /// <summary>Closes our direction: close_notify. Before the handshake is complete it cancels it.</summary>
    public unsafe TlsOperationStatus Shutdown(Span<byte> output, out int bytesWritten)
    {
        _closedHere = true;
        nuint written = 0;
        fixed (byte* to = output)
        {
            int status = NativeMethods.tls_session_shutdown(_handle, to, (nuint)output.Length, &written);
            return Emitted(status, written, output, out bytesWritten);
        }
    }

    /// <summary>Hands over output that waits, in any state.</summary>
    public unsafe TlsOperationStatus DrainPendingOutput(Span<byte> output, out int bytesWritten)
    {
        nuint written = 0;
        fixed (byte* to = output)
        {
            int status = NativeMethods.tls_session_drain_pending_output(_handle, to, (nuint)output.Length, &written);
            return Emitted(status, written, output, out bytesWritten);
        }
    }

    /// <summary>Asks the client for a certificate on an open session of TLS 1.3 (servers). On a socket the span is empty.</summary>
    public unsafe TlsOperationStatus RequestClientCertificate(Span<byte> output, out int bytesWritten)
    {
        nuint written = 0;
        fixed (byte* to = output)
        {
            int status = NativeMethods.tls_session_request_client_certificate(_handle, to, (nuint)output.Length, &written);
            return Emitted(status, written, output, out bytesWritten);
        }
    }

    /// <summary>Changes our keys (RFC 8446 section 4.6.3), and asks the peer for the same. On a socket the span is empty.</summary>
    public unsafe TlsOperationStatus UpdateKeys(bool requestPeerUpdate, Span<byte> output, out int bytesWritten)
    {
        nuint written = 0;
        fixed (byte* to = output)
        {
            int status = NativeMethods.tls_session_update_keys(
                _handle, requestPeerUpdate ? 1 : 0, to, (nuint)output.Length, &written);
            return Emitted(status, written, output, out bytesWritten);
        }
    }

    private TlsOperationStatus Emitted(int status, nuint written, Span<byte> output, out int bytesWritten)
    {
        bytesWritten = (int)written;
        return status >= 0 ? (TlsOperationStatus)status :
            AlertFirst(Failed(status), output.Slice(bytesWritten), ref bytesWritten);
    }

    /// <summary>A failure whose alert has still to be sent: hosts send what a call has written before they call again, so this call
    /// returns the alert, and the next one throws. Failures of a session are sticky: nothing is to be kept for it.</summary>
    private TlsOperationStatus AlertFirst(Exception failure, Span<byte> room, ref int bytesWritten)
    {
        if (bytesWritten == 0 && !OwesAlert)
        {
            throw failure;
        }
        if (OwesAlert)
        {
            _ = DrainPendingOutput(room, out int written);
            bytesWritten += written;
        }
        return TlsOperationStatus.WantWrite;
    }

    /// <summary>The same where a call has no room for ciphertext. Once only, for hosts that do not drain.</summary>
    private TlsOperationStatus AlertElsewhere(Exception failure)
    {
        if (_alertOffered || !OwesAlert)
        {
            throw failure;
        }
        _alertOffered = true;
        return TlsOperationStatus.WantWrite;
    }

    /// <summary>A bound session sends it by itself.</summary>
    private bool OwesAlert => _socket == null && (State & TlsSessionStates.Failed) != 0 && HasPendingOutput;

    /// <summary>In TLS 1.2 the peer's close_notify closes both directions (RFC 5246 section 7.2.1): the writer has not called in a
    /// wrong state.</summary>
    private Exception ClosedByPeer(Exception failure) =>
        failure is InvalidOperationException && !_closedHere && (State & TlsSessionStates.PeerClosed) != 0 ?
            new IOException("the peer has closed the connection, and with TLS 1.2 nothing can be sent any more", failure) : failure;

    /// <summary>The transport has ended. Fails as truncated if the peer had not closed.</summary>
    public TlsOperationStatus EndOfInput() => Status(NativeMethods.tls_session_end_of_input(_handle));

    // --- On a socket

    /// <summary>Does the handshake over the session's socket.</summary>
    public TlsOperationStatus Handshake()
    {
        TlsOperationStatus status;
        do
        {
            int result = NativeMethods.tls_session_socket_handshake(_handle);
            status = result >= 0 ? (TlsOperationStatus)result : throw Failed(result);
        }
        while (AnswersItself(status));
        return status;
    }

    /// <summary>Reads plaintext from the session's socket.</summary>
    public unsafe TlsOperationStatus Read(Span<byte> buffer, out int bytesRead)
    {
        nuint read = 0;
        fixed (byte* to = buffer)
        {
            int status = NativeMethods.tls_session_socket_read(_handle, to, (nuint)buffer.Length, &read);
            bytesRead = (int)read;
            return Status(status);
        }
    }

    /// <summary>Writes plaintext to the session's socket. What was written is taken, and not to be shown again, whatever the
    /// status.</summary>
    public unsafe TlsOperationStatus Write(ReadOnlySpan<byte> buffer, out int bytesWritten)
    {
        nuint written = 0;
        fixed (byte* from = buffer)
        {
            int status = NativeMethods.tls_session_socket_write(_handle, from, (nuint)buffer.Length, &written);
            bytesWritten = (int)written;
            return status >= 0 ? (TlsOperationStatus)status : throw ClosedByPeer(Failed(status));
        }
    }

    /// <summary>Closes our direction over the session's socket.</summary>
    public TlsOperationStatus Close()
    {
        _closedHere = true;
        return Status(NativeMethods.tls_session_socket_shutdown(_handle));
    }

    /// <summary>Ends the connection in order, after success or failure: sends what <see cref="Close"/> sends, ends the socket's sending
    /// side, and discards what still comes until the peer has ended the connection too, which <see cref="TlsOperationStatus.Closed"/>
    /// says.</summary>
    public TlsOperationStatus Finish()
    {
        _closedHere = true;
        return Status(NativeMethods.tls_session_socket_finish(_handle));
    }

    /// <summary>The bytes received after the peer's close_notify over the session's socket: they are not TLS. Fails until
    /// <see cref="Read"/> has returned <see cref="TlsOperationStatus.Closed"/>.</summary>
    public unsafe byte[] GetBytesAfterClose() => CopyOut((byte* to, nuint room, nuint* length) =>
        NativeMethods.tls_session_socket_bytes_after_close(_handle, to, room, length));

    private TlsOperationStatus Status(int status) =>
        status >= 0 ? (TlsOperationStatus)status : throw Failed(status);

    /// <summary>Wipes the keys; sends nothing. A call under way on another thread ends first.</summary>
    public void Dispose() => _handle.Dispose();
}
