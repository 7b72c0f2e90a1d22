using System;
using System.Buffers;
using System.IO;
using System.Net.Security;
using System.Threading;
using System.Threading.Tasks;

namespace SpanTls;

/// <summary>A stream of plaintext over a stream of TLS, as SslStream is. One reader and one writer may be at work at once; a second
/// one is refused. Verdicts and signatures of asynchronous calls are computed on the thread pool: no handshake blocks the thread that
/// moves the bytes.</summary>
public sealed partial class TlsStream : AuthenticatedStream
{
    /// <summary>Received or sent at once, at most: a record of the largest size fits (RFC 8446 section 5.2, RFC 5246 section 6.2.3),
    /// and so do nearly two full ones. A size that the pool has.</summary>
    private const int BufferSize = 32768;
    /// <summary>A record of the largest size.</summary>
    private const int RecordSize = 5 + 16384 + 2048;

    private readonly RemoteCertificateValidationCallback? _validation;
    private readonly LocalCertificateSelectionCallback? _selection;
    private TlsSession? _session;
    private volatile bool _authenticated, _disposed;

    /// <summary>Over this stream, which is disposed of with it unless it is to be left open.</summary>
    /// <param name="innerStream">What carries the ciphertext.</param>
    /// <param name="leaveInnerStreamOpen">Whether it is left open.</param>
    /// <param name="userCertificateValidationCallback">As in the options, which must not have one then.</param>
    /// <param name="userCertificateSelectionCallback">As in the options of a client, which must not have one then.</param>
    public TlsStream(Stream innerStream, bool leaveInnerStreamOpen = false,
        RemoteCertificateValidationCallback? userCertificateValidationCallback = null,
        LocalCertificateSelectionCallback? userCertificateSelectionCallback = null) : base(innerStream, leaveInnerStreamOpen)
    {
        _validation = userCertificateValidationCallback;
        _selection = userCertificateSelectionCallback;
    }

    /// <summary>The same with SslStream's last argument, which has to be <see cref="EncryptionPolicy.RequireEncryption"/>.</summary>
    public TlsStream(Stream innerStream, bool leaveInnerStreamOpen,
        RemoteCertificateValidationCallback? userCertificateValidationCallback,
        LocalCertificateSelectionCallback? userCertificateSelectionCallback, EncryptionPolicy encryptionPolicy)
        : this(innerStream, leaveInnerStreamOpen, userCertificateValidationCallback, userCertificateSelectionCallback)
    {
        if (encryptionPolicy != EncryptionPolicy.RequireEncryption)
        {
            throw new NotSupportedException("there is no TLS without encryption here");
        }
    }

    /// <summary>The session, with all its getters; null before the authentication has begun.</summary>
    public TlsSession? Session => _session;

    /// <summary>Gives the verdict on the peer in place of <see cref="TlsSession.AcceptWithDefaultValidation"/>. May take its
    /// time.</summary>
    public Func<TlsSession, CancellationToken, Task>? Validate { get; set; }

    /// <summary>Answers <see cref="TlsOperationStatus.NeedsServerOptions"/> (servers).</summary>
    public Func<TlsSession, CancellationToken, Task<TlsContext>>? SelectServerContext { get; set; }

    /// <summary>Answers <see cref="TlsOperationStatus.WantCredentials"/> (clients); without it, or with null, none are shown.</summary>
    public Func<TlsSession, CancellationToken, Task<TlsCredentials?>>? SelectCredentials { get; set; }

    private AsyncTransport Async(CancellationToken cancellation) => new(InnerStream, cancellation);

    private BlockingTransport Blocking => new(InnerStream);

    /// <summary>The result of an operation over <see cref="Blocking"/>, which is complete.</summary>
    private static T Done<T>(ValueTask<T> operation) =>
        operation.IsCompleted ? operation.GetAwaiter().GetResult() : operation.AsTask().GetAwaiter().GetResult();

    private static void Done(ValueTask operation)
    {
        if (operation.IsCompleted)
        {
            operation.GetAwaiter().GetResult();
        }
        else
        {
            operation.AsTask().GetAwaiter().GetResult();
        }
    }

    /// <summary>The session of a stream whose handshake has succeeded.</summary>
    private TlsSession Authenticated()
    {
        NotDisposed();
        return _authenticated ? _session! : throw new InvalidOperationException("this stream is not authenticated");
    }

    private void NotDisposed()
    {
        if (_disposed)
        {
            throw new ObjectDisposedException(nameof(TlsStream));
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            End();
        }
        base.Dispose(disposing);
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        End();
        return base.DisposeAsync();
    }

    /// <summary>Nothing is read or written any more. An operation that is under way keeps its buffer until it ends.</summary>
    private void End()
    {
        _disposed = true;
        if (_reading.Close())
        {
            ReturnReceived();
        }
        _session?.Dispose();
    }

    /// <inheritdoc/>
    public override bool CanRead => IsAuthenticated && InnerStream.CanRead;
    /// <inheritdoc/>
    public override bool CanWrite => IsAuthenticated && InnerStream.CanWrite && !_shutdown;
    /// <inheritdoc/>
    public override bool CanTimeout => InnerStream.CanTimeout;
    /// <inheritdoc/>
    public override int ReadTimeout { get => InnerStream.ReadTimeout; set => InnerStream.ReadTimeout = value; }
    /// <inheritdoc/>
    public override int WriteTimeout { get => InnerStream.WriteTimeout; set => InnerStream.WriteTimeout = value; }
    /// <inheritdoc/>
    public override bool CanSeek => false;
    /// <inheritdoc/>
    public override long Length => InnerStream.Length;
    /// <inheritdoc/>
    public override long Position { get => InnerStream.Position; set => throw new NotSupportedException(); }
    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    /// <inheritdoc/>
    public override void SetLength(long value) => InnerStream.SetLength(value);
    /// <inheritdoc/>
    public override void Flush() => InnerStream.Flush();
    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => InnerStream.FlushAsync(cancellationToken);

    private static void CheckRange(byte[] buffer, int offset, int count)
    {
        if (buffer == null)
        {
            throw new ArgumentNullException(nameof(buffer));
        }
        if (offset < 0 || offset > buffer.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(offset));
        }
        if (count < 0 || count > buffer.Length - offset)
        {
            throw new ArgumentOutOfRangeException(nameof(count));
        }
    }
}
