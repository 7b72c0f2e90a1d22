using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;
using SpanTls;

static class Machine
{
    [Test]
    static Task What_makes_no_sense_is_refused()
    {
        Check.Throws<ArgumentNullException>(() => TlsContext.Create((SslClientAuthenticationOptions)null!), "a client without options");
#pragma warning disable SYSLIB0039, SYSLIB0040
        Check.Throws<NotSupportedException>(() => TlsContext.Create(new SslClientAuthenticationOptions { EnabledSslProtocols = SslProtocols.Tls11 }), "TLS 1.1 alone");
        Check.Throws<NotSupportedException>(() => TlsContext.Create(new SslClientAuthenticationOptions { CertificateRevocationCheckMode = X509RevocationMode.Online }), "revocation online");
        Check.Throws<NotSupportedException>(() => TlsContext.Create(new SslClientAuthenticationOptions { EncryptionPolicy = EncryptionPolicy.AllowNoEncryption }), "no encryption");
#pragma warning restore SYSLIB0039, SYSLIB0040
        Check.Throws<ArgumentException>(() => TlsCredentials.FromCertificate(Files.Chain("server-p256")[0]), "a certificate without its key");
        Check.Throws<TlsException>(() => TlsCredentials.FromPem("no certificate", "no key"), "PEM that is none");
        Check.Equal("unknown_ca", TlsException.AlertName(48), "an alert's name");
        return Task.CompletedTask;
    }

    [Test]
    static Task A_session_before_its_handshake_seals_and_opens_nothing()
    {
        using var context = TlsContext.Create(Files.Client());
        using TlsSession session = TlsSession.Create(context);
        byte[] room = new byte[100], more = new byte[100];
        Check.Throws<ArgumentException>(() => session.Encrypt(room, room, out _, out _), "spans that overlap");
        Check.Throws<InvalidOperationException>(() => session.Encrypt(room, more, out _, out _), "encrypt");
        Check.Throws<InvalidOperationException>(() => session.Decrypt(room, more, out _, out _), "decrypt");
        Check.Throws<InvalidOperationException>(() => session.AcceptWithDefaultValidation(), "a verdict that nobody asked for");
        Check.Throws<InvalidOperationException>(() => session.Handshake(), "the functions for sockets");
        Check.Equal(SslProtocols.None, session.NegotiatedProtocol, "version");
        Check.That(session.GetRemoteCertificate() == null && session.ClientHelloInfo == null, "nothing is known");
        session.Dispose();
        Check.Throws<ObjectDisposedException>(() => session.Shutdown(room, out _), "disposed");
        session.Dispose();
        return Task.CompletedTask;
    }

    /// <summary>Does the handshake of two sessions in memory; what the server has sent behind it.</summary>
    internal static List<byte> Converse(TlsSession client, TlsSession server, int step)
    {
        var toServer = new List<byte>();
        var toClient = new List<byte>();
        for (int i = 0; i < 100000 && !(client.IsHandshakeComplete && server.IsHandshakeComplete); i++)
        {
            Step(client, toClient, toServer, step);
            Step(server, toServer, toClient, step);
        }
        Check.That(client.IsHandshakeComplete && server.IsHandshakeComplete, "the handshake is complete");
        Check.Equal(0, toServer.Count, "bytes left");
        return toClient;
    }

    static void Step(TlsSession session, List<byte> input, List<byte> output, int step)
    {
        byte[] room = new byte[step];
        TlsOperationStatus status = session.ProcessHandshake(input.ToArray(), room, out int consumed, out int written);
        input.RemoveRange(0, consumed);
        output.AddRange(room.Take(written));
        if (status == TlsOperationStatus.NeedsCertificateValidation)
        {
            session.AcceptWithDefaultValidation();
        }
    }

    [Test, Versions]
    static Task Two_sessions_talk_in_memory_with_any_room(SslProtocols protocol)
    {
        foreach (int step in new[] { 1, 7, 1000, 20000 })
        {
            using var ours = TlsContext.Create(Files.Server(protocol));
            using var theirs = TlsContext.Create(Files.Client());
            using TlsSession server = TlsSession.Create(ours), client = TlsSession.Create(theirs);
            List<byte> behind = Converse(client, server, step);
            byte[] sealedBytes = new byte[1000], opened = new byte[1000], first = new byte[16], second = new byte[16];
            server.Encrypt(AgainstSslStream.Ping, sealedBytes, out int consumed, out int written);
            Check.Equal(4, consumed, "consumed");
            behind.AddRange(sealedBytes.Take(written));
            byte[] copy = behind.ToArray();
            int at = 0;
            int offset = 0, length = 0;
            while (length == 0)
            {
                Check.Equal(TlsOperationStatus.Complete, client.DecryptInPlace(copy.AsSpan(at), out consumed, out offset, out length), "in place");
                offset += at;
                at += consumed;
            }
            Check.Bytes(AgainstSslStream.Ping, copy.AsSpan(offset, length).ToArray(), "plaintext");
            server.ExportKeyingMaterial("EXPERIMENTAL test", null, first);
            client.ExportKeyingMaterial("EXPERIMENTAL test", null, second);
            Check.Bytes(first, second, "exported");
            server.ExportKeyingMaterial("EXPERIMENTAL test", Array.Empty<byte>(), second);
            Check.Equal(protocol == SslProtocols.Tls13, first.AsSpan().SequenceEqual(second), "an empty context is none");
            Check.Equal(4ul, server.Statistics.PlaintextSent, "counted");
        }
        return Task.CompletedTask;
    }

    [Test, Versions]
    static async Task The_ClientHello_is_there_as_it_was_sent(SslProtocols protocol)
    {
        using var wire = new Wire();
        using var context = TlsContext.Create((SslServerAuthenticationOptions?)null);
        byte[]? raw = null;
        var driver = new Driver(context, wire.Server)
        {
            Answer = (session, _) =>
            {
                TlsClientHello hello = session.ClientHelloInfo!;
                raw = hello.Message;
                Check.Equal(protocol, hello.SslProtocols & protocol, "versions");
                Check.Equal("spantls-test", System.Text.Encoding.ASCII.GetString(hello.ApplicationProtocols.Single().Protocol.Span), "protocols");
                Check.Equal(32, hello.Ja3.Length, "JA3");
                Check.That(hello.Ja4.StartsWith(protocol == SslProtocols.Tls13 ? "t13d" : "t12d"), hello.Ja4);
                session.SetServerOptions(Files.Server());
            },
        };
        SslClientAuthenticationOptions client = Files.Client(protocol);
        client.ApplicationProtocols = new() { new SslApplicationProtocol("spantls-test") };
        using var stream = new SslStream(wire.Client);
        await wire.Both(driver.Handshake(), stream.AuthenticateAsClientAsync(client));
        Check.Equal(1, raw![0], "the message's type");
        Check.Equal(raw.Length - 4, raw[1] << 16 | raw[2] << 8 | raw[3], "its length");
        driver.Dispose();
    }

    [Test, Versions]
    static async Task Sessions_with_different_certificates_share_a_context(SslProtocols protocol)
    {
        using var theirs = TlsContext.Create(Files.Client(protocol));
        var server = Files.Server();
        server.ClientCertificateRequired = true;
        server.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        string[] names = { "client-p256", "client-rsa2048", "client-p384" };
        await Task.WhenAll(Enumerable.Range(0, 24).Select(i => Task.Run(async () =>
        {
            using var wire = new Wire();
            string name = names[i % names.Length];
            using TlsCredentials credentials = TlsCredentials.FromCertificate(Files.WithKey(name), Files.Others(name));
            using var driver = new Driver(theirs, wire.Client) { Answer = (session, _) => session.SetClientCredentials(credentials) };
            using var stream = new SslStream(wire.Server);
            await wire.Both(driver.Handshake(), stream.AuthenticateAsServerAsync(server));
            await stream.WriteAsync(AgainstSslStream.Ping);
            Check.Bytes(AgainstSslStream.Ping, await driver.Read(4), "ping");
            Check.Equal(Files.WithKey(name).GetCertHashString(), stream.RemoteCertificate!.GetCertHashString(), "whose certificate");
        })));
    }

    [Test, Versions]
    static async Task A_session_on_a_non_blocking_socket_waits_by_its_statuses(SslProtocols protocol)
    {
        using var wire = new Wire();
        using var context = TlsContext.Create(Files.Server(protocol));
        Socket socket = wire.ServerSocket;
        socket.Blocking = false;
        using TlsSession session = TlsSession.Create(context, socket.SafeHandle);
        using var stream = new SslStream(wire.Client);
        Task client = stream.AuthenticateAsClientAsync(Files.Client());
        await Task.Run(() => Until(socket, session.Handshake));
        await client;
        byte[] data = new byte[500000], room = new byte[data.Length];
        new Random(2).NextBytes(data);
        Task sending = Task.Run(() =>
        {
            int done = 0;
            while (done < data.Length || session.HasPendingOutput)
            {
                if (session.Write(data.AsSpan(done), out int written) == TlsOperationStatus.WantWrite)
                {
                    socket.Poll(10000, SelectMode.SelectWrite);
                }
                done += written;
            }
        });
        await stream.ReadExactlyAsync(room);
        await sending;
        Check.Bytes(data, room, "data");
        await stream.WriteAsync(AgainstSslStream.Pong);
        int count = 0;
        await Task.Run(() => Until(socket, () => session.Read(room, out count)));
        Check.Equal(4, count, "read");
        Check.Equal(TlsOperationStatus.Closed, session.Close(), "close");
        Check.Equal(0, await stream.ReadAsync(room), "the end");
        await stream.ShutdownAsync();
        wire.ClientSocket.Send(AgainstSslStream.Ping);
        await Task.Run(() => Until(socket, () => session.Read(room, out count), TlsOperationStatus.Closed));
        byte[] after = session.GetBytesAfterClose(), clear = new byte[AgainstSslStream.Ping.Length];
        after.CopyTo(clear, 0);
        for (int have = after.Length; have < clear.Length; have += socket.Receive(clear.AsSpan(have)))
        {
            Check.That(socket.Poll(10000000, SelectMode.SelectRead), "the rest of the clear text");
        }
        Check.Bytes(AgainstSslStream.Ping, clear, "clear text after TLS");
        Check.That(ReferenceEquals(session.Socket, socket.SafeHandle), "the socket");
        Check.That(session.Statistics.SendCalls > 0, "system calls");
    }

    [Test]
    static Task A_session_disposes_of_the_socket_that_it_owns()
    {
        using var context = TlsContext.Create(Files.Client());
        foreach (TlsSocketFlags flags in new[] { TlsSocketFlags.Own, TlsSocketFlags.Borrow, default(TlsSocketFlags) })
        {
            foreach (bool byHandle in new[] { true, false })
            {
                using var wire = new Wire();
                wire.ClientSocket.Blocking = false;
                TlsSession session = byHandle ? TlsSession.Create(context, wire.ClientSocket.SafeHandle, flags) :
                    TlsSession.Create(context, wire.ClientSocket, flags);
                Check.That(!wire.ClientSocket.SafeHandle.IsClosed, $"{flags}: open while the session lives");
                session.Dispose();
                Check.Equal(flags == TlsSocketFlags.Own, wire.ClientSocket.SafeHandle.IsClosed, $"{flags}: closed with the session");
                if (flags == TlsSocketFlags.Own)
                {
                    Check.Equal(0, wire.ServerSocket.Receive(new byte[1]), "what the peer receives: the end, and no reset");
                }
            }
        }
        using var another = new Wire();
        Check.Throws<ArgumentException>(
            () => TlsSession.Create(context, another.ClientSocket, TlsSocketFlags.Own | TlsSocketFlags.Borrow), "both");
        return Task.CompletedTask;
    }

    static void Until(Socket socket, Func<TlsOperationStatus> call, TlsOperationStatus until = TlsOperationStatus.Complete)
    {
        TlsOperationStatus status;
        while ((status = call()) != until)
        {
            Check.That(status is TlsOperationStatus.WantRead or TlsOperationStatus.WantWrite, status.ToString());
            socket.Poll(10000, status == TlsOperationStatus.WantRead ? SelectMode.SelectRead : SelectMode.SelectWrite);
        }
    }

    [Test]
    static async Task A_certificate_is_asked_for_on_an_open_session()
    {
        using var wire = new Wire();
        SslServerAuthenticationOptions options = Files.Server(SslProtocols.Tls13);
        var seen = new List<SslPolicyErrors>();
        options.RemoteCertificateValidationCallback = (_, _, _, errors) =>
        {
            seen.Add(errors);
            return true;
        };
        using var context = TlsContext.Create(options);
        SslClientAuthenticationOptions client = Files.Client();
        client.ClientCertificates = new X509CertificateCollection { Files.WithKey("client-p256") };
        var server = new TlsStream(wire.Server);
        using var stream = new SslStream(wire.Client);
        await wire.Both(server.AuthenticateAsServerAsync(context), stream.AuthenticateAsClientAsync(client));
        await server.RequestClientCertificateAsync();
        Task<int> reading = stream.ReadAsync(new byte[10]).AsTask();
        await stream.WriteAsync(AgainstSslStream.Ping);
        byte[] room = new byte[4];
        await server.ReadExactlyAsync(room);
        await server.WriteAsync(AgainstSslStream.Pong);
        await reading;
        await stream.WriteAsync(AgainstSslStream.Ping);
        await server.ReadExactlyAsync(room);
        Check.Equal(Files.WithKey("client-p256").Thumbprint, server.Session!.GetRemoteCertificate()?.Thumbprint, "the certificate");
        // As SslStream's servers do, it asks in the handshake too. SslStream sends the certificate alone, without what goes between it
        // and the authority.
        Check.Equal("RemoteCertificateNotAvailable, RemoteCertificateChainErrors", string.Join(", ", seen), "what the callback has seen");
        server.Dispose();
    }

    [Test]
    static async Task Objects_may_be_collected_in_any_order()
    {
        for (int round = 0; round < 20; round++)
        {
            Abandon(round);
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        await Task.CompletedTask;
    }

    static void Abandon(int round)
    {
        var context = TlsContext.Create(Files.Server());
        var client = TlsContext.Create(Files.Client());
        for (int i = 0; i < 20; i++)
        {
            TlsSession session = TlsSession.Create(i % 2 == 0 ? context : client);
            if (i % 3 == 0)
            {
                session.ProcessHandshake(default, new byte[2000], out _, out _);
            }
        }
        if (round % 2 == 0)
        {
            context.Dispose();
        }
    }
}
