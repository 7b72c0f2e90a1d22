using System;
using System.Linq;
using System.Net.Security;
using System.Security.Authentication;
using System.Text;
using System.Threading.Tasks;
using SpanTls;

static class AgainstSslStream
{
    internal static readonly byte[] Ping = Encoding.ASCII.GetBytes("ping"), Pong = Encoding.ASCII.GetBytes("pong");

    /// <summary>Our server and a client of SslStream, after the handshake.</summary>
    internal static async Task<(Driver, SslStream)> Serve(Wire wire, TlsContext server, SslClientAuthenticationOptions client)
    {
        var driver = new Driver(server, wire.Server);
        var stream = new SslStream(wire.Client);
        await wire.Both(driver.Handshake(), stream.AuthenticateAsClientAsync(client));
        return (driver, stream);
    }

    [Test, Versions]
    static async Task A_server_session_and_a_client_of_SslStream_talk(SslProtocols protocol)
    {
        using var wire = new Wire();
        using var context = TlsContext.Create(Files.Server(protocol));
        var (driver, stream) = await Serve(wire, context, Files.Client());
        Check.Equal(protocol, driver.Session.NegotiatedProtocol, "version");
        Check.Equal(protocol, stream.SslProtocol, "SslStream's version");
        Check.Equal(stream.NegotiatedCipherSuite, driver.Session.NegotiatedCipherSuite, "suite");
        Check.Equal("localhost", driver.Session.TargetHostName, "server name");
        Check.Equal(0, driver.Asked[5], "verdicts asked of a server that wants no certificate");
        await stream.WriteAsync(Ping);
        Check.Bytes(Ping, await driver.Read(4), "ping");
        await driver.Write(Pong);
        byte[] room = new byte[4];
        await stream.ReadExactlyAsync(room);
        Check.Bytes(Pong, room, "pong");
        driver.Dispose();
    }

    [Test, Versions]
    static async Task A_client_session_and_a_server_of_SslStream_talk_and_close(SslProtocols protocol)
    {
        using var wire = new Wire();
        using var context = TlsContext.Create(Files.Client(protocol));
        using var driver = new Driver(context, wire.Client);
        using var stream = new SslStream(wire.Server);
        await wire.Both(driver.Handshake(), stream.AuthenticateAsServerAsync(Files.Server()));
        Check.Equal(1, driver.Asked[5], "verdicts");
        Check.Equal(protocol, driver.Session.NegotiatedProtocol, "version");
        byte[] data = new byte[100000];
        new Random(1).NextBytes(data);
        Task writing = stream.WriteAsync(data).AsTask();
        Check.Bytes(data, await driver.Read(data.Length), "what the server sent");
        await writing;
        await driver.Write(data);
        byte[] room = new byte[data.Length];
        await stream.ReadExactlyAsync(room);
        Check.Bytes(data, room, "what the client sent");
        await stream.ShutdownAsync();
        Check.Equal(0, (await driver.Read(1)).Length, "bytes behind close_notify");
        await driver.Shutdown();
        Check.Equal(0, await stream.ReadAsync(room), "bytes behind ours");
    }

    [Test, Versions]
    static async Task Options_can_be_chosen_by_the_name_that_a_client_asks_for(SslProtocols protocol)
    {
        using var wire = new Wire();
        using var context = TlsContext.Create((SslServerAuthenticationOptions?)null);
        Check.That(context.IsServer, "a context without options is a server's");
        var driver = new Driver(context, wire.Server)
        {
            Answer = (session, status) =>
            {
                Check.Equal(TlsOperationStatus.NeedsServerOptions, status, "the question");
                Check.Equal("localhost", session.ClientHelloInfo!.ServerName, "the name");
                session.SetServerOptions(Files.Server(protocol));
            },
        };
        var stream = new SslStream(wire.Client);
        await wire.Both(driver.Handshake(), stream.AuthenticateAsClientAsync(Files.Client()));
        Check.Equal(1, driver.Asked[6], "questions");
        Check.Equal(protocol, stream.SslProtocol, "version");
        driver.Dispose();
    }

    static async Task<long> BytesOf(TlsContext context, SslClientAuthenticationOptions client, bool resumed)
    {
        using var wire = new Wire();
        var (driver, stream) = await Serve(wire, context, client);
        await driver.Write(new byte[] { 1 });
        await stream.ReadExactlyAsync(new byte[1]);
        Check.Equal(resumed, driver.Session.IsResumed, "resumed");
        await stream.ShutdownAsync();
        driver.Dispose();
        return wire.Bytes;
    }

    [Test, Versions]
    static async Task Resumption_saves_bytes_and_can_be_turned_off(SslProtocols protocol)
    {
        foreach (bool allow in new[] { true, false })
        {
            SslServerAuthenticationOptions options = Files.Server(protocol, "server-rsa2048");
            options.AllowTlsResume = allow;
            using var context = TlsContext.Create(options);
            SslClientAuthenticationOptions client = Files.Client(protocol);
            long first = await BytesOf(context, client, false), second = await BytesOf(context, client, allow);
            Check.That(allow ? second < first * 0.6 : Math.Abs(second - first) < first * 0.25,
                $"resumption {allow}: {first} bytes, then {second}");
        }
    }

    [Test, Versions]
    static async Task Shutdown_is_the_end_of_a_client_of_SslStream(SslProtocols protocol)
    {
        using var wire = new Wire();
        using var context = TlsContext.Create(Files.Server(protocol));
        var (driver, stream) = await Serve(wire, context, Files.Client());
        await driver.Shutdown();
        Check.Equal(0, await stream.ReadAsync(new byte[10]), "bytes");
        driver.Dispose();
    }

    [Test, Versions]
    static async Task A_client_certificate_is_required_wanted_or_not_asked_for(SslProtocols protocol)
    {
        foreach (var (mode, shows) in new[] {
            (TlsClientCertificateMode.Require, true), (TlsClientCertificateMode.Request, true),
            (TlsClientCertificateMode.Request, false), (TlsClientCertificateMode.None, true) })
        {
            using var wire = new Wire();
            using var context = TlsContext.Create(Files.Server(protocol), new TlsContextSettings { ClientCertificateMode = mode });
            SslClientAuthenticationOptions client = Files.Client();
            if (shows)
            {
                client.ClientCertificateContext = Files.Context("client-p256");
            }
            var driver = new Driver(context, wire.Server);
            if (!shows)
            {
                driver.Judge = session =>
                {
                    Check.Equal(SslPolicyErrors.RemoteCertificateNotAvailable, session.DefaultPolicyErrors, "a client that may decline");
                    session.SetRemoteCertificateValidationResult(SslPolicyErrors.None);
                };
            }
            var stream = new SslStream(wire.Client);
            await wire.Both(driver.Handshake(), stream.AuthenticateAsClientAsync(client));
            bool shown = shows && mode != TlsClientCertificateMode.None;
            Check.Equal(shown, driver.Session.GetRemoteCertificate() != null, $"{mode}: a certificate");
            Check.Equal(shown, stream.LocalCertificate != null, $"{mode}: what SslStream says that it has shown");
            if (shown)
            {
                Check.Equal(Files.WithKey("client-p256").Thumbprint, driver.Session.GetRemoteCertificate()!.Thumbprint, "which");
            }
            await stream.WriteAsync(Ping);
            Check.Bytes(Ping, await driver.Read(4), "ping");
            driver.Dispose();
        }
    }

    [Test, Versions]
    static async Task A_client_that_does_not_show_what_is_required_is_refused(SslProtocols protocol)
    {
        using var wire = new Wire();
        SslServerAuthenticationOptions options = Files.Server(protocol);
        options.ClientCertificateRequired = true;
        using var context = TlsContext.Create(options);
        var driver = new Driver(context, wire.Server);
        var stream = new SslStream(wire.Client);
        Task client = Task.Run(async () =>
        {
            await stream.AuthenticateAsClientAsync(Files.Client());
            await stream.ReadExactlyAsync(new byte[1]); // In TLS 1.3 the alert comes here.
        });
        var refused = await Check.Refused(driver.Handshake, "the server");
        Check.Equal(protocol == SslProtocols.Tls13 ? 116 : 40, refused.AlertSent!.Value, "alert");
        await Check.Throws<Exception>(() => client, "the client");
        driver.Dispose();
    }
}
