using System;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;

namespace SpanTls;

// Begin and End: the tasks of the asynchronous calls. Those of Stream itself would use a thread for each and wait for one another.
public sealed partial class TlsStream
{
    /// <inheritdoc/>
    public override IAsyncResult BeginRead(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        Begun(ReadAsync(buffer, offset, count, CancellationToken.None), callback, state);

    /// <inheritdoc/>
    public override int EndRead(IAsyncResult asyncResult) => Ended<int>(asyncResult, true);

    /// <inheritdoc/>
    public override IAsyncResult BeginWrite(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        Begun(Valued(WriteAsync(buffer, offset, count, CancellationToken.None)), callback, state);

    /// <inheritdoc/>
    public override void EndWrite(IAsyncResult asyncResult) => Ended<bool>(asyncResult, true);

    /// <summary>As a client of the host of this name.</summary>
    public IAsyncResult BeginAuthenticateAsClient(string targetHost, AsyncCallback? asyncCallback, object? asyncState) =>
        Begun(Valued(AuthenticateAsClientAsync(targetHost)), asyncCallback, asyncState);

    /// <summary>The same with certificates to choose from.</summary>
    public IAsyncResult BeginAuthenticateAsClient(string targetHost, X509CertificateCollection? clientCertificates,
        bool checkCertificateRevocation, AsyncCallback? asyncCallback, object? asyncState) =>
        Begun(Valued(AuthenticateAsClientAsync(targetHost, clientCertificates, checkCertificateRevocation)), asyncCallback, asyncState);

    /// <summary>The same with versions.</summary>
    public IAsyncResult BeginAuthenticateAsClient(string targetHost, X509CertificateCollection? clientCertificates,
        SslProtocols enabledSslProtocols, bool checkCertificateRevocation, AsyncCallback? asyncCallback, object? asyncState) =>
        Begun(Valued(AuthenticateAsClientAsync(targetHost, clientCertificates, enabledSslProtocols, checkCertificateRevocation)),
            asyncCallback, asyncState);

    /// <summary>The end of a client's handshake.</summary>
    public void EndAuthenticateAsClient(IAsyncResult asyncResult) => Ended<bool>(asyncResult, false);

    /// <summary>As a server with this certificate and its key.</summary>
    public IAsyncResult BeginAuthenticateAsServer(X509Certificate serverCertificate, AsyncCallback? asyncCallback, object? asyncState) =>
        Begun(Valued(AuthenticateAsServerAsync(serverCertificate)), asyncCallback, asyncState);

    /// <summary>The same with a certificate asked of clients.</summary>
    public IAsyncResult BeginAuthenticateAsServer(X509Certificate serverCertificate, bool clientCertificateRequired,
        bool checkCertificateRevocation, AsyncCallback? asyncCallback, object? asyncState) =>
        Begun(Valued(AuthenticateAsServerAsync(serverCertificate, clientCertificateRequired, checkCertificateRevocation)),
            asyncCallback, asyncState);

    /// <summary>The same with versions.</summary>
    public IAsyncResult BeginAuthenticateAsServer(X509Certificate serverCertificate, bool clientCertificateRequired,
        SslProtocols enabledSslProtocols, bool checkCertificateRevocation, AsyncCallback? asyncCallback, object? asyncState) =>
        Begun(Valued(AuthenticateAsServerAsync(serverCertificate, clientCertificateRequired, enabledSslProtocols,
            checkCertificateRevocation)), asyncCallback, asyncState);

    /// <summary>The end of a server's handshake.</summary>
    public void EndAuthenticateAsServer(IAsyncResult asyncResult) => Ended<bool>(asyncResult, false);

    private static async Task<bool> Valued(Task operation)
    {
        await operation.ConfigureAwait(false);
        return true;
    }

    /// <summary>A task whose state is the caller's, and which is complete before the callback is called.</summary>
    private static IAsyncResult Begun<T>(Task<T> operation, AsyncCallback? callback, object? state)
    {
        var result = new TaskCompletionSource<T>(state);
        _ = operation.ContinueWith(
            done =>
            {
                _ = done.IsFaulted ? result.TrySetException(done.Exception!.InnerExceptions) :
                    done.IsCanceled ? result.TrySetCanceled() : result.TrySetResult(done.Result);
                callback?.Invoke(result.Task);
            },
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return result.Task;
    }

    private T Ended<T>(IAsyncResult asyncResult, bool authenticated)
    {
        if (authenticated)
        {
            _ = Authenticated();
        }
        if (asyncResult == null)
        {
            throw new ArgumentNullException(nameof(asyncResult));
        }
        return asyncResult is Task<T> task ? task.GetAwaiter().GetResult() :
            throw new ArgumentException("it is the result of another call", nameof(asyncResult));
    }
}
