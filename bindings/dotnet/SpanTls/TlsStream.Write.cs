using System;
using System.Buffers;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace SpanTls;

// Writing, and all that goes to the inner stream.
public sealed partial class TlsStream
{
    private readonly SemaphoreSlim _sending = new(1, 1);
    private Turn _writing;
    private volatile bool _shutdown;
    /// <summary>Sealed bytes did not all get to the inner stream.</summary>
    private bool _cut;

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        WriteAsync(Async(cancellationToken), Writable(), buffer);

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        TlsSession session = Writable();
        CheckRange(buffer, offset, count);
        return WriteAsync(Async(cancellationToken), session, buffer.AsMemory(offset, count)).AsTask();
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count)
    {
        TlsSession session = Writable();
        CheckRange(buffer, offset, count);
        Done(WriteAsync(Blocking, session, buffer.AsMemory(offset, count)));
    }

    /// <summary>Writes all of the buffer.</summary>
    public void Write(byte[] buffer)
    {
        if (buffer == null)
        {
            throw new ArgumentNullException(nameof(buffer));
        }
        Write(buffer, 0, buffer.Length);
    }

    private TlsSession Writable()
    {
        TlsSession session = Authenticated();
        return !_shutdown ? session : throw new InvalidOperationException("this stream was shut down: nothing can be written any more");
    }

    private async ValueTask WriteAsync<T>(T transport, TlsSession session, ReadOnlyMemory<byte> buffer) where T : struct, ITransport
    {
        if (buffer.IsEmpty)
        {
            return;
        }
        _writing.Enter("write");
        try
        {
            await transport.EnterAsync(_sending).ConfigureAwait(false);
            byte[] output = ArrayPool<byte>.Shared.Rent(BufferSize);
            try
            {
                // What is sealed has to be sent: later records could not be opened.
                transport.Cancellation.ThrowIfCancellationRequested();
                do
                {
                    _ = session.EncryptOnce(buffer.Span, output, out int consumed, out int written, out Exception? failure);
                    if (failure != null)
                    {
                        throw failure;
                    }
                    buffer = buffer.Slice(consumed);
                    await WriteSealedAsync(transport, output, written).ConfigureAwait(false);
                }
                while (buffer.Length > 0);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(output);
                _ = _sending.Release();
            }
            SendOwed(transport, session);
        }
        catch (Exception exception) when (IsForeign(exception, transport.Cancellation))
        {
            throw new IOException("writing to the stream has failed", exception);
        }
        finally
        {
            _ = _writing.Leave();
        }
    }

    private async ValueTask WriteSealedAsync<T>(T transport, byte[] records, int count) where T : struct, ITransport
    {
        if (_cut)
        {
            throw new IOException("an earlier write was cut off, and the peer could not open later records");
        }
        _cut = true;
        await transport.WriteAsync(records, 0, count).ConfigureAwait(false);
        _cut = false;
    }

    private async ValueTask SendAsync<T>(T transport, byte[] records, int count) where T : struct, ITransport
    {
        await WriteSealedAsync(transport, records, count).ConfigureAwait(false);
        await transport.FlushAsync().ConfigureAwait(false);
    }

    /// <summary>What one call of a session has put out: its status, and how much.</summary>
    private delegate TlsOperationStatus Emit(byte[] output, out int written);

    /// <summary>Sends what a call puts out, in as many calls as it takes, and all that the session owes then. The caller has entered
    /// `_sending`.</summary>
    private async ValueTask EmitAsync<T>(T transport, TlsSession session, Emit call) where T : struct, ITransport
    {
        byte[] output = ArrayPool<byte>.Shared.Rent(RecordSize);
        try
        {
            TlsOperationStatus status;
            do
            {
                status = call(output, out int written);
                if (written > 0)
                {
                    await SendAsync(transport, output, written).ConfigureAwait(false);
                }
                if (status != TlsOperationStatus.WantWrite && session.HasPendingOutput)
                {
                    // It is done, and not all of it fitted.
                    call = (byte[] room, out int drained) => session.DrainPendingOutput(room, out drained);
                    status = TlsOperationStatus.WantWrite;
                }
            }
            while (status == TlsOperationStatus.WantWrite);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(output);
        }
    }

    private async ValueTask EmitInTurnAsync<T>(T transport, TlsSession session, Emit call) where T : struct, ITransport
    {
        await transport.EnterAsync(_sending).ConfigureAwait(false);
        try
        {
            await EmitAsync(transport, session, call).ConfigureAwait(false);
        }
        finally
        {
            _ = _sending.Release();
        }
    }

    /// <summary>Sends what the peer is owed for what was read: the answer to a KeyUpdate, or to a close_notify. Neither reader nor
    /// writer waits for it, since the peer may be waiting for them, and no token of theirs cuts it off. A writer that is at work
    /// sends it when it is done. Where sending fails the next write does, too.</summary>
    private void SendOwed<T>(T transport, TlsSession session) where T : struct, ITransport
    {
        if (session.HasPendingOutput)
        {
            _ = transport is BlockingTransport ? SendOwedAsync(transport, session) : SendOwedAsync(Async(default), session);
        }
    }

    private async Task SendOwedAsync<T>(T transport, TlsSession session) where T : struct, ITransport
    {
        try
        {
            while (session.HasPendingOutput && _sending.Wait(0))
            {
                try
                {
                    await EmitAsync(transport, session, (byte[] output, out int written) => session.DrainPendingOutput(output, out written))
                        .ConfigureAwait(false);
                }
                finally
                {
                    _ = _sending.Release();
                }
            }
        }
        catch (Exception)
        {
            // `_cut` is set, so the next write fails. A host that only reads does not need the answer, and one whose session has
            // failed has to see that reason.
        }
    }

    /// <summary>Sends the alert of a session that has failed. That it cannot be sent changes nothing for the caller, who gets the
    /// failure itself.</summary>
    private Task SendAlertAsync<T>(T transport, TlsSession session) where T : struct, ITransport => SendOwedAsync(transport, session);

    /// <summary>Closes our direction: close_notify. Reading is still possible, and writing is not.</summary>
    public Task ShutdownAsync(CancellationToken cancellationToken = default)
    {
        TlsSession session = Writable();
        _shutdown = true;
        return EmitInTurnAsync(Async(cancellationToken), session, (byte[] output, out int written) => session.Shutdown(output, out written)).AsTask();
    }
}
