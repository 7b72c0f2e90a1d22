using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Threading.Tasks;
using SpanTls;

/// <summary>Two ends of a connection, each an SslStream or a TlsStream, and what was seen of them. What both types have beyond
/// AuthenticatedStream is called through dynamic: a TlsStream has to have it under the same name.</summary>
sealed class Scene : IDisposable
{
    /// <summary>What an exception of the scenario itself is noted as.</summary>
    internal const string Thrown = "scenario";

    readonly bool _clientIsOurs, _serverIsOurs;
    readonly Wire? _wire;
    AuthenticatedStream? _client, _server;

    internal Scene(SslProtocols protocol, bool clientIsOurs, bool serverIsOurs, bool sockets)
    {
        Protocol = protocol;
        _clientIsOurs = clientIsOurs;
        _serverIsOurs = serverIsOurs;
        if (sockets)
        {
            _wire = new Wire();
            (ClientInner, ServerInner) = (_wire.ClientStream, _wire.ServerStream);
        }
        else
        {
            (ClientInner, ServerInner) = Pipes.Pair();
        }
        ServerOptions = Files.Server(protocol);
        // A resumed session would be seen by the scenario after it.
        ServerOptions.AllowTlsResume = ClientOptions.AllowTlsResume = false;
    }

    internal SslProtocols Protocol { get; }

    internal bool ClientIsOurs => _clientIsOurs;

    internal bool ServerIsOurs => _serverIsOurs;

    internal bool IsTls13 => Protocol == SslProtocols.Tls13;

    internal SslClientAuthenticationOptions ClientOptions { get; set; } = Files.Client();

    internal SslServerAuthenticationOptions ServerOptions { get; set; }

    /// <summary>The transports: replaced before the ends are used, or used by the scenario itself.</summary>
    internal Stream ClientInner { get; set; }

    internal Stream ServerInner { get; set; }

    internal Socket ClientSocket => _wire!.ClientSocket;

    internal AuthenticatedStream Client => _client ??= MakeClient(ClientInner, false);

    internal AuthenticatedStream Server => _server ??= MakeServer(ServerInner, false);

    internal Dictionary<string, string> Seen { get; } = new();

    internal AuthenticatedStream MakeClient(Stream inner, bool leaveOpen, RemoteCertificateValidationCallback? validation = null,
        LocalCertificateSelectionCallback? selection = null) => _client = Make(_clientIsOurs, inner, leaveOpen, validation, selection);

    internal AuthenticatedStream MakeServer(Stream inner, bool leaveOpen, RemoteCertificateValidationCallback? validation = null) =>
        _server = Make(_serverIsOurs, inner, leaveOpen, validation, null);

    static AuthenticatedStream Make(bool ours, Stream inner, bool leaveOpen, RemoteCertificateValidationCallback? validation,
        LocalCertificateSelectionCallback? selection) =>
        ours ? new TlsStream(inner, leaveOpen, validation, selection) : new SslStream(inner, leaveOpen, validation, selection);

    /// <summary>Notes something that was seen.</summary>
    internal void Note(string what, object? value) => Seen.Add(what, value?.ToString() ?? "null");

    /// <summary>Notes what a call returns, or the kind of what it throws.</summary>
    internal void Try(string what, Func<object?> call)
    {
        try
        {
            Note(what, call());
        }
        catch (Exception exception)
        {
            Note(what, Kind(exception));
        }
    }

    internal void Try(string what, Action call) => Try(what, () => { call(); return (object?)"done"; });

    internal async Task TryAsync<T>(string what, Func<Task<T>> call)
    {
        try
        {
            Note(what, await call());
        }
        catch (Exception exception)
        {
            Note(what, Kind(exception));
        }
    }

    internal Task TryAsync(string what, Func<Task> call) => TryAsync(what, async () => { await call(); return "done"; });

    /// <summary>What a handler has to be for to catch it: the nearest base that is .NET's.</summary>
    static string Kind(Exception exception)
    {
        Type kind = exception is OperationCanceledException ? typeof(OperationCanceledException) : exception.GetType();
        while (kind.Namespace?.StartsWith("System", StringComparison.Ordinal) != true)
        {
            kind = kind.BaseType!;
        }
        return kind.Name;
    }

    /// <summary>The handshake, which is to succeed.</summary>
    internal async Task Handshake()
    {
        await HandshakeSeen();
        if (Seen["client handshake"] != "done" || Seen["server handshake"] != "done")
        {
            throw new Complaint($"client handshake: {Seen["client handshake"]}, server handshake: {Seen["server handshake"]}");
        }
    }

    /// <summary>The handshake, and how it ends at each end. An end that fails closes its transport, as hosts do.</summary>
    internal async Task HandshakeSeen()
    {
        dynamic client = Client, server = Server;
        string asClient = "nothing", asServer = "nothing";
        await Task.WhenAll(
            Ends(async () => await (Task)client.AuthenticateAsClientAsync(ClientOptions, default(System.Threading.CancellationToken)), ClientInner, kind => asClient = kind),
            Ends(async () => await (Task)server.AuthenticateAsServerAsync(ServerOptions, default(System.Threading.CancellationToken)), ServerInner, kind => asServer = kind));
        Note("client handshake", asClient);
        Note("server handshake", asServer);
    }

    static async Task Ends(Func<Task> handshake, Stream inner, Action<string> note)
    {
        try
        {
            await handshake();
            note("done");
        }
        catch (Exception exception)
        {
            note(Kind(exception));
            inner.Dispose();
        }
    }

    public void Dispose()
    {
        _client?.Dispose();
        _server?.Dispose();
        ClientInner.Dispose();
        ServerInner.Dispose();
        _wire?.Dispose();
    }
}
