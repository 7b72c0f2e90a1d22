using System;
using System.Buffers;
using System.IO;
using System.Net.Security;
using System.Threading;
using System.Threading.Tasks;

namespace SpanTls;

/// <summary>A stream of plaintext over a stream of TLS, as SslStream is. One reader and one writer may be at work at once. Verdicts
/// and signatures are computed on the thread pool: no handshake holds up the thread that moves the bytes.</summary>
public sealed class TlsStream : AuthenticatedStream
{
    /// <summary>Received at once, at most: two full records.</summary>
    private const int ReceiveSize = SendSize;
    /// <summary>sealed and sent at once, at most: two full records.</summary>
    private const int SendSize = 2 * (16384 + 64);
    /// <summary>Room for a record of the largest size (RFC 8446 section 5.2, RFC 5246 section 6.2.3).</summary>
    private const int RecordSize = 5 + 16384 + 2048;

    private readonly Stream _inner;
    private readonly RemoteCertificateValidationCallback? _validation;
    private readonly LocalCertificateSelectionCallback? _selection;
    private readonly SemaphoreSlim _sending = new(1, 1);
    private TlsSession? _session;
    private byte[]? _received;
    private int _start, _end;
    private bool _innerEnded;
    /// <summary>Sealed bytes did not all get to the inner stream.</summary>
    private bool _cut;
    private Exception? _ended;

    /// <summary>Over this stream, which is disposed of with it unless it is to be left open.</summary>
    /// <param name="innerStream">What carries the ciphertext.</param>
    /// <param name="leaveInnerStreamOpen">Whether it is left open.</param>
    /// <param name="userCertificateValidationCallback">As in the options, which must not have one then.</param>
    /// <param name="userCertificateSelectionCallback">As in the options of a client, which must not have one then.</param>
    public TlsStream(Stream innerStream, bool leaveInnerStreamOpen = false,
        RemoteCertificateValidationCallback? userCertificateValidationCallback = null,
        LocalCertificateSelectionCallback? userCertificateSelectionCallback = null) : base(innerStream, leaveInnerStreamOpen)
    {
        _inner = innerStream;
        _validation = userCertificateValidationCallback;
        _selection = userCertificateSelectionCallback;
    }

    /// <summary>The session, for what it tells; null before the authentication has begun.</summary>
    public TlsSession? Session => _session;

    /// <summary>Gives the verdict on the peer in place of <see cref="TlsSession.AcceptWithDefaultValidation"/>. May take its
    /// time.</summary>
    public Func<TlsSession, CancellationToken, Task>? Validate { get; set; }

    /// <summary>Answers <see cref="TlsOperationStatus.NeedsServerOptions"/> (servers).</summary>
    public Func<TlsSession, CancellationToken, Task<TlsContext>>? SelectServerContext { get; set; }

    /// <summary>Answers <see cref="TlsOperationStatus.WantCredentials"/> (clients); without it, or with null, none are shown.</summary>
    public Func<TlsSession, CancellationToken, Task<TlsCredentials?>>? SelectCredentials { get; set; }

    /// <summary>Does the handshake as a client of this context.</summary>
    public Task AuthenticateAsClientAsync(TlsContext context, string? targetHost = null, CancellationToken cancellationToken = default)
    {
        if (context.IsServer)
        {
            throw new ArgumentException("a server's context", nameof(context));
        }
        TlsSession session = Begin(context);
        if (targetHost != null)
        {
            session.TargetHostName = targetHost;
        }
        return HandshakeAsync(session, cancellationToken);
    }

    /// <summary>The same with options of their own. Make one context for all connections to have them resumed.</summary>
    public async Task AuthenticateAsClientAsync(SslClientAuthenticationOptions options, CancellationToken cancellationToken = default)
    {
        options = CallbackOptions.With(options, _validation, _selection);
        using TlsContext context = TlsContext.Create(options, Signing);
        await AuthenticateAsClientAsync(context, null, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Does the handshake as a server of this context.</summary>
    public Task AuthenticateAsServerAsync(TlsContext context, CancellationToken cancellationToken = default)
    {
        if (!context.IsServer)
        {
            throw new ArgumentException("a client's context", nameof(context));
        }
        return HandshakeAsync(Begin(context), cancellationToken);
    }

    /// <summary>The same with options of their own.</summary>
    public async Task AuthenticateAsServerAsync(SslServerAuthenticationOptions options, CancellationToken cancellationToken = default)
    {
        options = CallbackOptions.With(options, _validation);
        using TlsContext context = TlsContext.Create(options, Signing);
        await AuthenticateAsServerAsync(context, cancellationToken).ConfigureAwait(false);
    }

    private static TlsContextSettings Signing => new() { SignInCall = false };

    private TlsSession Begin(TlsContext context)
    {
        if (_session != null)
        {
            throw new InvalidOperationException("this stream is or was authenticated");
        }
        return _session = TlsSession.Create(context);
    }

    private async Task HandshakeAsync(TlsSession session, CancellationToken cancellation)
    {
        byte[] output = ArrayPool<byte>.Shared.Rent(RecordSize);
        try
        {
            while (true)
            {
                TlsOperationStatus status = session.ProcessHandshakeOnce(
                    _received.AsSpan(_start, _end - _start), output, out int consumed, out int written, out Exception? failure);
                Consumed(consumed);
                if (written > 0)
                {
                    await SendAsync(output, written, cancellation).ConfigureAwait(false);
                }
                if (failure != null)
                {
                    await SendRestAsync(session, output, cancellation).ConfigureAwait(false);
                    throw failure;
                }
                switch (status)
                {
                    case TlsOperationStatus.Complete:
                        return;
                    case TlsOperationStatus.WantWrite:
                        break;
                    case TlsOperationStatus.WantRead:
                        if (!await ReceiveAsync(cancellation).ConfigureAwait(false))
                        {
                            _ = session.EndOfInput();
                        }
                        break;
                    case TlsOperationStatus.Closed:
                        throw new IOException("the handshake was cancelled");
                    default:
                        await AnswerAsync(session, status, cancellation).ConfigureAwait(false);
                        break;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(output);
        }
    }

    /// <summary>Answers a question on the thread pool. Where answering fails the peer is refused, and the caller told why.</summary>
    private async Task AnswerAsync(TlsSession session, TlsOperationStatus status, CancellationToken cancellation)
    {
        try
        {
            switch (status)
            {
                case TlsOperationStatus.NeedsCertificateValidation when Validate != null:
                    await Task.Run(() => Validate(session, cancellation), cancellation).ConfigureAwait(false);
                    break;
                case TlsOperationStatus.NeedsCertificateValidation:
                    await session.AcceptWithDefaultValidationAsync(cancellation).ConfigureAwait(false);
                    break;
                case TlsOperationStatus.NeedsSignature:
                    await session.SignAsync(cancellation).ConfigureAwait(false);
                    break;
                case TlsOperationStatus.NeedsServerOptions when SelectServerContext != null:
                    session.SetServerContext(await Task.Run(() => SelectServerContext(session, cancellation), cancellation)
                        .ConfigureAwait(false));
                    break;
                case TlsOperationStatus.WantCredentials when SelectCredentials != null:
                    session.SetClientCredentials(
                        await Task.Run(() => SelectCredentials(session, cancellation), cancellation).ConfigureAwait(false));
                    break;
                default:
                    if (!await Task.Run(() => session.AnswersItself(status), cancellation).ConfigureAwait(false))
                    {
                        Decline(session, status);
                    }
                    break;
            }
        }
        catch
        {
            await RefuseAsync(session).ConfigureAwait(false);
            throw;
        }
    }

    private static void Decline(TlsSession session, TlsOperationStatus status)
    {
        if (status != TlsOperationStatus.WantCredentials)
        {
            throw new InvalidOperationException($"nobody answers {status}: set SelectServerContext");
        }
        session.SetClientCredentials(null);
    }

    /// <summary>The answer has failed: the peer learns that the handshake is over.</summary>
    private async Task RefuseAsync(TlsSession session)
    {
        byte[] output = new byte[1024];
        await _sending.WaitAsync().ConfigureAwait(false);
        try
        {
            TlsOperationStatus status;
            do
            {
                status = session.Shutdown(output, out int written);
                await SendAsync(output, written, CancellationToken.None).ConfigureAwait(false);
            }
            while (status == TlsOperationStatus.WantWrite);
        }
        catch (IOException)
        {
            // What the caller is told matters more.
        }
        finally
        {
            _ = _sending.Release();
        }
    }

    /// <summary>The rest of an alert. That it cannot be sent changes nothing for the caller, who is told what it is about.</summary>
    private async Task SendRestAsync(TlsSession session, byte[] output, CancellationToken cancellation)
    {
        try
        {
            while (session.DrainPendingOutput(output, out int written) >= 0 && written > 0)
            {
                await SendAsync(output, written, cancellation).ConfigureAwait(false);
            }
        }
        catch (IOException)
        {
        }
    }

    private async ValueTask SendAsync(byte[] bytes, int count, CancellationToken cancellation)
    {
        await WriteSealedAsync(bytes.AsMemory(0, count), cancellation).ConfigureAwait(false);
        await _inner.FlushAsync(cancellation).ConfigureAwait(false);
    }

    private async ValueTask WriteSealedAsync(ReadOnlyMemory<byte> records, CancellationToken cancellation)
    {
        if (_cut)
        {
            throw new IOException("an earlier write was cut off, and the peer could not open what comes behind it");
        }
        _cut = true;
        await _inner.WriteAsync(records, cancellation).ConfigureAwait(false);
        _cut = false;
    }

    /// <summary>Receives more behind what is here; false: the inner stream has ended.</summary>
    private ValueTask<bool> ReceiveAsync(CancellationToken cancellation)
    {
        byte[] buffer = MakeRoom();
        ValueTask<int> receiving = _inner.ReadAsync(buffer.AsMemory(_end), cancellation);
        return receiving.IsCompletedSuccessfully ? new ValueTask<bool>(Received(receiving.Result)) : Later(receiving);

        async ValueTask<bool> Later(ValueTask<int> pending) => Received(await pending.ConfigureAwait(false));
    }

    private byte[] MakeRoom()
    {
        byte[] buffer = _received ??= ArrayPool<byte>.Shared.Rent(ReceiveSize);
        if (_start == _end)
        {
            _start = _end = 0;
        }
        else if (_start > 0 && buffer.Length - _start < RecordSize)
        {
            Buffer.BlockCopy(buffer, _start, buffer, 0, _end - _start);
            _end -= _start;
            _start = 0;
        }
        return buffer;
    }

    /// <summary>A stream that waits for nothing keeps no buffer.</summary>
    private void Consumed(int count)
    {
        _start += count;
        if (_start == _end && _received is { } buffer)
        {
            _received = null;
            _start = _end = 0;
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private bool Received(int count)
    {
        _end += count;
        return count > 0;
    }

    // --- Reading

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        TlsSession session = Authenticated();
        while (true)
        {
            if (_ended != null)
            {
                throw _ended;
            }
            TlsOperationStatus status;
            int consumed, written;
            try
            {
                status = session.Decrypt(_received.AsSpan(_start, _end - _start), buffer.Span, out consumed, out written);
            }
            catch (Exception exception) when (TlsException.Of(exception) != null)
            {
                // Sticky. The peer is to learn why.
                _ended = exception;
                await SendOwedAsync(session, CancellationToken.None).ConfigureAwait(false);
                throw;
            }
            Consumed(consumed);
            if (session.HasPendingOutput)
            {
                await SendOwedAsync(session, cancellationToken).ConfigureAwait(false);
            }
            if (written > 0)
            {
                return written;
            }
            switch (status)
            {
                case TlsOperationStatus.Closed:
                    return 0;
                case TlsOperationStatus.NeedsCertificateValidation:
                    await AnswerAsync(session, status, cancellationToken).ConfigureAwait(false);
                    break;
                case TlsOperationStatus.WantRead when _innerEnded:
                    _ = session.EndOfInput(); // Throws: the connection was cut.
                    return 0;
                case TlsOperationStatus.WantRead:
                    if (buffer.IsEmpty && _received == null)
                    {
                        // The caller waits without a buffer, and so does this, where the inner stream can.
                        _ = await _inner.ReadAsync(Memory<byte>.Empty, cancellationToken).ConfigureAwait(false);
                    }
                    _innerEnded = !await ReceiveAsync(cancellationToken).ConfigureAwait(false);
                    break;
                default:
                    if (buffer.IsEmpty)
                    {
                        return 0; // Something can be read.
                    }
                    break;
            }
        }
    }

    /// <summary>Sends answers that the peer is owed, but does not wait for a writer: it may be waiting for the peer, who may be
    /// waiting for us to read. Whoever is writing sends them when it is done.</summary>
    private async ValueTask SendOwedAsync(TlsSession session, CancellationToken cancellation)
    {
        while (session.HasPendingOutput && _sending.Wait(0, CancellationToken.None))
        {
            byte[] output = ArrayPool<byte>.Shared.Rent(RecordSize);
            try
            {
                await SendRestAsync(session, output, cancellation).ConfigureAwait(false);
            }
            finally
            {
                _ = _sending.Release();
                ArrayPool<byte>.Shared.Return(output);
            }
        }
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    // --- Writing

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        TlsSession session = Authenticated();
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        byte[] output = ArrayPool<byte>.Shared.Rent(buffer.Length < 16384 ? RecordSize : SendSize);
        try
        {
            do
            {
                _ = session.Encrypt(buffer.Span, output, out int consumed, out int written);
                buffer = buffer.Slice(consumed);
                await WriteSealedAsync(output.AsMemory(0, written), cancellationToken).ConfigureAwait(false);
            }
            while (buffer.Length > 0);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(output);
            _ = _sending.Release();
        }
        if (session.HasPendingOutput)
        {
            await SendOwedAsync(session, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) =>
        WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override void Flush() => _inner.Flush();

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => _inner.FlushAsync(cancellationToken);

    /// <summary>Closes our direction: close_notify. Reading goes on.</summary>
    public async Task ShutdownAsync(CancellationToken cancellationToken = default)
    {
        TlsSession session = Authenticated();
        byte[] output = ArrayPool<byte>.Shared.Rent(RecordSize);
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            TlsOperationStatus status;
            do
            {
                status = session.Shutdown(output, out int written);
                await SendAsync(output, written, cancellationToken).ConfigureAwait(false);
            }
            while (status == TlsOperationStatus.WantWrite);
        }
        finally
        {
            _ = _sending.Release();
            ArrayPool<byte>.Shared.Return(output);
        }
    }

    /// <summary>Asks the client for a certificate on an open session of TLS 1.3 (servers). The answer comes while reading.</summary>
    public async Task RequestClientCertificateAsync(CancellationToken cancellationToken = default)
    {
        TlsSession session = Authenticated();
        byte[] output = ArrayPool<byte>.Shared.Rent(RecordSize);
        await _sending.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            int written;
            while (session.RequestClientCertificate(output, out written) == TlsOperationStatus.WantWrite)
            {
                await SendAsync(output, written, cancellationToken).ConfigureAwait(false);
            }
            await SendAsync(output, written, cancellationToken).ConfigureAwait(false);
            await SendRestAsync(session, output, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _ = _sending.Release();
            ArrayPool<byte>.Shared.Return(output);
        }
    }

    private TlsSession Authenticated() =>
        _session is { IsHandshakeComplete: true } session ? session :
            throw new InvalidOperationException("this stream is not authenticated");

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _session?.Dispose();
        }
        base.Dispose(disposing);
    }

    /// <inheritdoc/>
    public override bool CanRead => _session?.IsHandshakeComplete == true;
    /// <inheritdoc/>
    public override bool CanWrite => _session?.IsHandshakeComplete == true;
    /// <inheritdoc/>
    public override bool IsAuthenticated => _session?.IsHandshakeComplete == true;
    /// <inheritdoc/>
    public override bool IsMutuallyAuthenticated => false;
    /// <inheritdoc/>
    public override bool IsEncrypted => IsAuthenticated;
    /// <inheritdoc/>
    public override bool IsSigned => IsAuthenticated;
    /// <inheritdoc/>
    public override bool IsServer => _session?.IsServer == true;
    /// <inheritdoc/>
    public override bool CanSeek => false;
    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();
    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();
}
