using System;
using System.IO;
using System.Security.Authentication;
using System.Threading;
using System.Threading.Tasks;

namespace SpanTls;

// A client's certificate, asked for on an open connection of TLS 1.3 (RFC 8446 section 4.6.2).
public sealed partial class TlsStream
{
    /// <summary>Asks the client for a certificate (servers). The answer comes while reading.</summary>
    public Task RequestClientCertificateAsync(CancellationToken cancellationToken = default)
    {
        TlsSession session = Writable();
        return RequestAsync(Async(cancellationToken), session).AsTask();
    }

    private volatile bool _negotiated;

    /// <summary>Asks the client for a certificate (servers), once, and waits for the answer. Nothing else is to be read or written
    /// meanwhile.</summary>
    /// <remarks>TLS 1.2 has no such request here, since there is no renegotiation, and not all clients of TLS 1.3 offer to answer:
    /// NotSupportedException. Without a callback a client without a certificate is refused, as by SslStream. Data that the client has sent before its answer has to be
    /// read first: InvalidOperationException, and the answer comes while reading.</remarks>
    public async Task NegotiateClientCertificateAsync(CancellationToken cancellationToken = default)
    {
        TlsSession session = Writable();
        if (!session.IsServer)
        {
            throw new InvalidOperationException("only a server can ask for a certificate");
        }
        if (RemoteCertificate != null || _negotiated)
        {
            throw new InvalidOperationException("the client was asked for its certificate already");
        }
        if (session.NegotiatedProtocol != SslProtocols.Tls13)
        {
            throw new NotSupportedException("a client's certificate can be asked for later in TLS 1.3 alone: there is no renegotiation");
        }
        AsyncTransport transport = Async(cancellationToken);
        _reading.Enter("read");
        try
        {
            if (_received != null || (session.State & TlsSessionStates.HasPendingPlaintext) != 0)
            {
                throw new InvalidOperationException("what was received has to be read first");
            }
            _negotiated = true;
            try
            {
                await RequestAsync(transport, session).ConfigureAwait(false);
            }
            catch (TlsException exception) when (exception.Error == TlsError.NotSupported)
            {
                throw new NotSupportedException(exception.Message, exception);
            }
            await AnswerArrivesAsync(transport, session).ConfigureAwait(false);
            if (session.IsJudgedInside && RemoteCertificate == null)
            {
                // The context does not require one; this call does.
                await RefuseAsync(transport, session).ConfigureAwait(false);
                throw new AuthenticationException("the client has no certificate");
            }
        }
        finally
        {
            LeaveReading();
        }
    }

    private async ValueTask RequestAsync(AsyncTransport transport, TlsSession session)
    {
        _writing.Enter("write");
        try
        {
            await EmitInTurnAsync(transport, session, (byte[] output, out int written) => session.RequestClientCertificate(output, out written))
                .ConfigureAwait(false);
        }
        finally
        {
            _ = _writing.Leave();
        }
    }

    private async ValueTask AnswerArrivesAsync(AsyncTransport transport, TlsSession session)
    {
        while (true)
        {
            TlsOperationStatus status = session.DecryptOnce(
                _received.AsSpan(_start, _end - _start), default, out int consumed, out _, out Exception? failure);
            Consumed(consumed);
            if (failure != null)
            {
                await SendAlertAsync(transport, session).ConfigureAwait(false);
                throw failure;
            }
            SendOwed(transport, session);
            switch (status)
            {
                case TlsOperationStatus.NeedsCertificateValidation:
                    await AnswerAsync(transport, session, status).ConfigureAwait(false);
                    break;
                case var _ when (session.State & TlsSessionStates.CertificateRequested) == 0:
                    return;
                case TlsOperationStatus.WantWrite:
                    throw new InvalidOperationException("the client has sent data before its certificate: read it, and the certificate comes");
                case TlsOperationStatus.Closed:
                    throw new IOException("the client has closed the connection");
                case TlsOperationStatus.WantRead when _innerEnded:
                    _ = session.EndOfInput(); // Throws: the connection was cut.
                    break;
                case TlsOperationStatus.WantRead:
                    await ReceiveAsync(transport).ConfigureAwait(false);
                    break;
            }
        }
    }
}
