using System;
using System.Buffers;
using System.IO;
using System.Net.Security;
using System.Threading;
using System.Threading.Tasks;

namespace SpanTls;

// The handshake: bytes in, bytes out, and what is asked meanwhile.
public sealed partial class TlsStream
{
    private int _begun;

    private TlsSession Begin(TlsContext context)
    {
        NotDisposed();
        TlsSession session = TlsSession.Create(context);
        if (Interlocked.Exchange(ref _begun, 1) != 0)
        {
            session.Dispose();
            throw new InvalidOperationException("this stream is or was authenticated");
        }
        session.Sender = this;
        _session = session;
        return session;
    }

    private async Task HandshakeAsync<T>(T transport, TlsSession session) where T : struct, ITransport
    {
        _reading.Enter("authentication");
        try
        {
            while (!await StepAsync(transport, session).ConfigureAwait(false))
            {
            }
            _targetHostName = session.TargetHostName;
            _authenticated = true;
        }
        finally
        {
            if (!_authenticated)
            {
                ReturnReceived();
            }
            LeaveReading();
        }
    }

    /// <summary>One call of the session, and what follows from it. True: the handshake is complete.</summary>
    private async ValueTask<bool> StepAsync<T>(T transport, TlsSession session) where T : struct, ITransport
    {
        // No buffer is held while the peer is waited for: it may never send anything.
        TlsOperationStatus status = await ProcessAsync(transport, session).ConfigureAwait(false);
        switch (status)
        {
            case TlsOperationStatus.Complete:
                return true;
            case TlsOperationStatus.WantWrite:
                break;
            case TlsOperationStatus.WantRead when _innerEnded:
                _ = session.EndOfInput();
                break;
            case TlsOperationStatus.WantRead:
                await ReceiveAsync(transport).ConfigureAwait(false);
                break;
            case TlsOperationStatus.Closed:
                throw new IOException("the handshake was cancelled");
            default:
                await AnswerAsync(transport, session, status).ConfigureAwait(false);
                break;
        }
        return false;
    }

    /// <summary>One call of the session; what it puts out is sent.</summary>
    private async ValueTask<TlsOperationStatus> ProcessAsync<T>(T transport, TlsSession session) where T : struct, ITransport
    {
        byte[] output = ArrayPool<byte>.Shared.Rent(RecordSize);
        try
        {
            TlsOperationStatus status = session.ProcessHandshakeOnce(
                _received.AsSpan(_start, _end - _start), output, out int consumed, out int written, out Exception? failure);
            Consumed(consumed);
            if (failure != null)
            {
                await SendLastAsync(transport, session, output, written).ConfigureAwait(false);
                throw failure;
            }
            if (written > 0)
            {
                await SendAsync(transport, output, written).ConfigureAwait(false);
            }
            return status;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(output);
        }
    }

    /// <summary>The alert of a handshake that has failed: what the failed call has written, and the rest.</summary>
    private async ValueTask SendLastAsync<T>(T transport, TlsSession session, byte[] output, int written) where T : struct, ITransport
    {
        try
        {
            if (written > 0)
            {
                await SendAsync(transport, output, written).ConfigureAwait(false);
            }
        }
        catch (Exception)
        {
            return; // The reason of the failure is what the caller has to see.
        }
        await SendAlertAsync(transport, session).ConfigureAwait(false);
    }

    /// <summary>Answers a question. Where answering fails the peer is refused, and the caller gets the reason.</summary>
    private async ValueTask AnswerAsync<T>(T transport, TlsSession session, TlsOperationStatus status) where T : struct, ITransport
    {
        CancellationToken cancellation = transport.Cancellation;
        try
        {
            await transport.RunAsync(() => Answer(session, status, cancellation)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_authenticated && cancellation.IsCancellationRequested)
        {
            throw; // A read is cancelled, and not the connection: the next one asks again.
        }
        catch
        {
            await RefuseAsync(transport, session).ConfigureAwait(false);
            throw;
        }
    }

    private async Task Answer(TlsSession session, TlsOperationStatus status, CancellationToken cancellation)
    {
        switch (status)
        {
            case TlsOperationStatus.NeedsCertificateValidation when Validate != null:
                await Validate(session, cancellation).ConfigureAwait(false);
                break;
            case TlsOperationStatus.NeedsCertificateValidation when _negotiated:
                session.AcceptRequired();
                break;
            case TlsOperationStatus.NeedsCertificateValidation:
                _ = session.AcceptWithDefaultValidation();
                break;
            case TlsOperationStatus.NeedsSignature:
                session.Sign();
                break;
            case TlsOperationStatus.NeedsServerOptions when SelectServerContext != null && !session.DecidesItself:
                session.SetServerContext(await SelectServerContext(session, cancellation).ConfigureAwait(false));
                break;
            case TlsOperationStatus.WantCredentials when SelectCredentials != null:
                session.SetClientCredentials(await SelectCredentials(session, cancellation).ConfigureAwait(false));
                break;
            default:
                if (!session.AnswersItself(status))
                {
                    Decline(session, status);
                }
                break;
        }
    }

    private static void Decline(TlsSession session, TlsOperationStatus status)
    {
        if (status != TlsOperationStatus.WantCredentials)
        {
            throw new InvalidOperationException($"nothing answers {status}: set SelectServerContext");
        }
        session.SetClientCredentials(null);
    }

    /// <summary>The answer has failed: the peer learns that the handshake is over.</summary>
    private async ValueTask RefuseAsync<T>(T transport, TlsSession session) where T : struct, ITransport
    {
        try
        {
            // The caller's token may be why it has failed.
            Emit call = (byte[] output, out int written) => session.Shutdown(output, out written);
            if (transport is BlockingTransport)
            {
                await EmitInTurnAsync(transport, session, call).ConfigureAwait(false);
            }
            else
            {
                await EmitInTurnAsync(Async(default), session, call).ConfigureAwait(false);
            }
        }
        catch (Exception)
        {
            // The reason of the failure is what the caller has to see.
        }
    }
}
