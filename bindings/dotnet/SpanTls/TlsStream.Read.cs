using System;
using System.Buffers;
using System.IO;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Threading;
using System.Threading.Tasks;

namespace SpanTls;

// Reading. The holder of `_reading` owns received ciphertext: a handshake, then one read at a time.
public sealed partial class TlsStream
{
    private Turn _reading;
    /// <summary>Ciphertext from `_start` to `_end`; null while there is none: a stream that waits owns no buffer.</summary>
    private byte[]? _received;
    private int _start, _end;
    private bool _innerEnded;
    private byte[]? _oneByte;

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        ReadAsync(Async(cancellationToken), Authenticated(), buffer);

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        TlsSession session = Authenticated();
        CheckRange(buffer, offset, count);
        return ReadAsync(Async(cancellationToken), session, buffer.AsMemory(offset, count)).AsTask();
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count)
    {
        TlsSession session = Authenticated();
        CheckRange(buffer, offset, count);
        return Done(ReadAsync(Blocking, session, buffer.AsMemory(offset, count)));
    }

    /// <inheritdoc/>
    public override int ReadByte()
    {
        byte[] one = Interlocked.Exchange(ref _oneByte, null) ?? new byte[1];
        int read = Read(one, 0, 1) == 0 ? -1 : one[0];
        _oneByte = one;
        return read;
    }

#if NET
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
#endif
    private async ValueTask<int> ReadAsync<T>(T transport, TlsSession session, Memory<byte> buffer) where T : struct, ITransport
    {
        _reading.Enter("read");
        try
        {
            while (true)
            {
                TlsOperationStatus status = session.DecryptOnce(
                    _received.AsSpan(_start, _end - _start), buffer.Span, out int consumed, out int written, out Exception? failure);
                Consumed(consumed);
                if (failure != null)
                {
                    await SendAlertAsync(transport, session).ConfigureAwait(false);
                    throw failure;
                }
                SendOwed(transport, session);
                if (written > 0)
                {
                    return written;
                }
                switch (status)
                {
                    case TlsOperationStatus.Closed:
                        return 0;
                    case TlsOperationStatus.WantWrite when buffer.IsEmpty:
                        return 0; // Plaintext waits for room.
                    case TlsOperationStatus.NeedsCertificateValidation:
                        await AnswerAsync(transport, session, status).ConfigureAwait(false);
                        break;
                    case TlsOperationStatus.WantRead when _innerEnded:
                        _ = session.EndOfInput(); // Throws: the connection was cut.
                        return 0;
                    case TlsOperationStatus.WantRead:
                        await ReceiveAsync(transport).ConfigureAwait(false);
                        break;
                }
            }
        }
        catch (Exception exception) when (IsForeign(exception, transport.Cancellation))
        {
            throw new IOException("reading from the stream has failed", exception);
        }
        finally
        {
            LeaveReading();
        }
    }

    /// <summary>Whether it is thrown inside an IOException, as by SslStream. A refused peer is an AuthenticationException, as
    /// there.</summary>
    private static bool IsForeign(Exception exception, CancellationToken cancellation) =>
        exception is not IOException and not AuthenticationException && !(exception is OperationCanceledException && cancellation.IsCancellationRequested);

    /// <summary>Receives more. Where nothing has been received it waits for it without a buffer, if the inner stream waits in reads
    /// of no bytes.</summary>
    private async ValueTask ReceiveAsync<T>(T transport) where T : struct, ITransport
    {
        if (_received == null)
        {
            _ = await transport.ReadAsync(Array.Empty<byte>(), 0, 0).ConfigureAwait(false);
        }
        byte[] buffer = MakeRoom();
        int count = 0;
        try
        {
            count = await transport.ReadAsync(buffer, _end, buffer.Length - _end).ConfigureAwait(false);
        }
        finally
        {
            _end += count;
            Consumed(0); // Nothing was received: the buffer goes back.
        }
        _innerEnded = count == 0;
    }

    private byte[] MakeRoom()
    {
        byte[] buffer = _received ??= ArrayPool<byte>.Shared.Rent(BufferSize);
        if (_start > 0 && buffer.Length - _start < RecordSize)
        {
            Buffer.BlockCopy(buffer, _start, buffer, 0, _end - _start);
            _end -= _start;
            _start = 0;
        }
        return buffer;
    }

    private void Consumed(int count)
    {
        _start += count;
        if (_start == _end)
        {
            ReturnReceived();
        }
    }

    private void ReturnReceived()
    {
        byte[]? buffer = _received;
        _received = null;
        _start = _end = 0;
        if (buffer != null)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void LeaveReading()
    {
        if (_reading.Leave())
        {
            ReturnReceived(); // Disposed of meanwhile.
        }
    }
}
