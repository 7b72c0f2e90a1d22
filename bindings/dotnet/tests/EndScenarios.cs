using System;
using System.IO;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Threading;
using System.Threading.Tasks;

/// <summary>How connections end beside SslStream: closed, cut, disposed of; and time-outs.</summary>
static class EndScenarios
{
    static readonly byte[] Ping = AgainstSslStream.Ping, Pong = AgainstSslStream.Pong;
    const string NoTruncation = "without close_notify data may be missing (RFC 8446 section 6.1): an exception, where SslStream returns an end";

    static async Task<string> Read(Stream stream, int count = 4)
    {
        byte[] room = new byte[count];
        await stream.ReadExactlyAsync(room);
        return Convert.ToHexString(room);
    }

    static Task Shutdown(Stream stream) => ((dynamic)stream).ShutdownAsync();

    [Scenario]
    static async Task Shutdown_is_an_end_for_the_peer(Scene scene)
    {
        await scene.Handshake();
        await scene.Client.WriteAsync(Ping);
        await scene.TryAsync("shutdown", () => Shutdown(scene.Client));
        scene.Note("data before it", await Read(scene.Server));
        for (int i = 0; i < 3; i++)
        {
            await scene.TryAsync($"read {i}", () => scene.Server.ReadAsync(new byte[4]).AsTask());
        }
        scene.Note("can still be read", scene.Server.CanRead);
    }

    [Scenario]
    [Differs("the peer writes", "the peer's close_notify closes both directions (RFC 5246 section 7.2.1)", Only = SslProtocols.Tls12)]
    [Differs("read", "the peer could not write", Only = SslProtocols.Tls12)]
    static async Task One_direction_is_closed_and_the_other_is_used(Scene scene)
    {
        await scene.Handshake();
        await Shutdown(scene.Client);
        await scene.TryAsync("the peer reads", () => scene.Server.ReadAsync(new byte[4]).AsTask());
        await scene.TryAsync("the peer writes", () => scene.Server.WriteAsync(Pong).AsTask());
        await scene.TryAsync("read", () => Read(scene.Client));
    }

    [Scenario]
    static async Task Both_directions_are_closed(Scene scene)
    {
        await scene.Handshake();
        await Shutdown(scene.Client);
        await scene.TryAsync("server reads", () => scene.Server.ReadAsync(new byte[4]).AsTask());
        await scene.TryAsync("server shuts down", () => Shutdown(scene.Server));
        await scene.TryAsync("client reads", () => scene.Client.ReadAsync(new byte[4]).AsTask());
    }

    [Scenario]
    static async Task Nothing_is_written_after_shutdown(Scene scene)
    {
        await scene.Handshake();
        await Shutdown(scene.Client);
        scene.Note("CanWrite", scene.Client.CanWrite);
        scene.Note("CanRead", scene.Client.CanRead);
        await scene.TryAsync("write", () => scene.Client.WriteAsync(Ping).AsTask());
        await scene.TryAsync("write of no bytes", () => scene.Client.WriteAsync(ReadOnlyMemory<byte>.Empty).AsTask());
        scene.Try("blocking write", () => scene.Client.Write(Ping, 0, 4));
        await scene.TryAsync("shutdown", () => Shutdown(scene.Client));
        await scene.TryAsync("flush", () => scene.Client.FlushAsync());
    }

    [Scenario]
    [Differs("read", NoTruncation)]
    [Differs("again", NoTruncation)]
    static async Task The_transport_ends_without_a_close_notify(Scene scene)
    {
        await scene.Handshake();
        await scene.Client.WriteAsync(Ping);
        scene.Client.Dispose();
        scene.Note("data before it", await Read(scene.Server));
        await scene.TryAsync("read", () => scene.Server.ReadAsync(new byte[4]).AsTask());
        await scene.TryAsync("again", () => scene.Server.ReadAsync(new byte[4]).AsTask());
    }

    [Scenario]
    static async Task The_transport_ends_in_a_record(Scene scene)
    {
        await scene.Handshake();
        await scene.ClientInner.WriteAsync(new byte[] { 23, 3, 3, 1, 0, 42 });
        scene.ClientInner.Dispose();
        await scene.TryAsync("read", () => scene.Server.ReadAsync(new byte[4]).AsTask());
        scene.Try("blocking", () => scene.Server.Read(new byte[4], 0, 4));
    }

    [Scenario]
    static async Task The_transport_ends_in_the_handshake(Scene scene)
    {
        scene.ServerInner.Dispose();
        dynamic client = scene.Client;
        await scene.TryAsync("client", () => (Task)client.AuthenticateAsClientAsync(scene.ClientOptions, CancellationToken.None));
        scene.Note("authenticated", scene.Client.IsAuthenticated);
        await scene.TryAsync("read", () => scene.Client.ReadAsync(new byte[4]).AsTask());
    }

    [Scenario]
    static async Task Bytes_that_are_not_TLS_end_the_handshake(Scene scene)
    {
        await scene.ClientInner.WriteAsync(System.Text.Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        dynamic server = scene.Server;
        await scene.TryAsync("server", () => (Task)server.AuthenticateAsServerAsync(scene.ServerOptions, CancellationToken.None));
        scene.Note("authenticated", scene.Server.IsAuthenticated);
    }

    [Scenario]
    static async Task A_record_that_cannot_be_opened_ends_reading(Scene scene)
    {
        await scene.Handshake();
        byte[] record = new byte[5 + 64];
        (record[0], record[1], record[2], record[4]) = (23, 3, 3, 64);
        await scene.ClientInner.WriteAsync(record);
        await scene.TryAsync("read", () => scene.Server.ReadAsync(new byte[4]).AsTask());
        // SslStream forgets it and waits for other records.
    }

    /// <summary>All members that may be used at any time.</summary>
    static async Task Use(Scene scene, string who, System.Net.Security.AuthenticatedStream stream)
    {
        dynamic any = stream;
        byte[] room = new byte[4];
        scene.Note($"{who} CanRead", stream.CanRead);
        scene.Note($"{who} CanWrite", stream.CanWrite);
        scene.Note($"{who} CanSeek", stream.CanSeek);
        scene.Note($"{who} IsAuthenticated", stream.IsAuthenticated);
        scene.Note($"{who} IsMutuallyAuthenticated", stream.IsMutuallyAuthenticated);
        scene.Note($"{who} IsEncrypted", stream.IsEncrypted);
        scene.Note($"{who} IsSigned", stream.IsSigned);
        scene.Try($"{who} CheckCertRevocationStatus", () => any.CheckCertRevocationStatus);
        scene.Try($"{who} TransportContext", () => any.TransportContext != null);
        scene.Try($"{who} Read", () => stream.Read(room, 0, 4));
        scene.Try($"{who} ReadByte", () => stream.ReadByte());
        scene.Try($"{who} Write", () => stream.Write(room, 0, 4));
        await scene.TryAsync($"{who} ReadAsync", () => stream.ReadAsync(room).AsTask());
        await scene.TryAsync($"{who} ReadAsync of an array", () => stream.ReadAsync(room, 0, 4));
        await scene.TryAsync($"{who} WriteAsync", () => stream.WriteAsync(room).AsTask());
        await scene.TryAsync($"{who} WriteAsync of an array", () => stream.WriteAsync(room, 0, 4));
        await scene.TryAsync($"{who} WriteAsync of nothing", () => stream.WriteAsync(ReadOnlyMemory<byte>.Empty).AsTask());
        await scene.TryAsync($"{who} ShutdownAsync", () => Shutdown(stream));
        await scene.TryAsync($"{who} NegotiateClientCertificateAsync", () => (Task)any.NegotiateClientCertificateAsync(CancellationToken.None));
        scene.Try($"{who} BeginRead", () => stream.BeginRead(room, 0, 4, null, null) != null);
        scene.Try($"{who} BeginWrite", () => stream.BeginWrite(room, 0, 4, null, null) != null);
        scene.Try($"{who} EndRead", () => stream.EndRead(Task.FromResult(1)));
        scene.Try($"{who} EndWrite", () => stream.EndWrite(Task.CompletedTask));
        scene.Try($"{who} SslProtocol", () => any.SslProtocol);
        scene.Try($"{who} NegotiatedCipherSuite", () => any.NegotiatedCipherSuite);
        scene.Try($"{who} NegotiatedApplicationProtocol", () => any.NegotiatedApplicationProtocol);
        scene.Try($"{who} CipherAlgorithm", () => any.CipherAlgorithm);
        scene.Try($"{who} CipherStrength", () => any.CipherStrength);
        scene.Try($"{who} HashAlgorithm", () => any.HashAlgorithm);
        scene.Try($"{who} HashStrength", () => any.HashStrength);
        scene.Try($"{who} KeyExchangeAlgorithm", () => any.KeyExchangeAlgorithm);
        scene.Try($"{who} KeyExchangeStrength", () => any.KeyExchangeStrength);
        scene.Try($"{who} LocalCertificate", () => any.LocalCertificate);
        scene.Try($"{who} RemoteCertificate", () => any.RemoteCertificate);
        scene.Try($"{who} TargetHostName", () => any.TargetHostName);
        scene.Try($"{who} Seek", () => stream.Seek(0, SeekOrigin.Begin));
        scene.Try($"{who} Position", () => stream.Position = 1);
        scene.Try($"{who} Length", () => stream.Length);
        scene.Try($"{who} SetLength", () => stream.SetLength(1));
    }

    [Scenario]
    static async Task What_is_not_authenticated_yet_is_used(Scene scene)
    {
        await Use(scene, "client", scene.Client);
        await Use(scene, "server", scene.Server);
    }

    [Scenario]
    static async Task What_is_disposed_of_is_used(Scene scene)
    {
        await scene.Handshake();
        scene.Client.Dispose();
        await scene.Server.DisposeAsync();
        await Use(scene, "client", scene.Client);
        await Use(scene, "server", scene.Server);
        dynamic client = scene.Client;
        await scene.TryAsync("authenticate", () => (Task)client.AuthenticateAsClientAsync(scene.ClientOptions, CancellationToken.None));
        scene.Try("once more", () => scene.Client.Dispose());
        await scene.TryAsync("and asynchronously", () => scene.Client.DisposeAsync().AsTask());
    }

    [Scenario]
    static async Task What_is_disposed_of_without_a_handshake_is_used(Scene scene)
    {
        scene.Client.Dispose();
        await Use(scene, "client", scene.Client);
        dynamic client = scene.Client;
        await scene.TryAsync("authenticate", () => (Task)client.AuthenticateAsClientAsync(scene.ClientOptions, CancellationToken.None));
    }

    [Scenario]
    static async Task The_inner_stream_is_disposed_of_or_left_open(Scene scene)
    {
        foreach (bool leave in new[] { false, true })
        {
            foreach (bool asynchronously in new[] { false, true })
            {
                var probe = new Probe(Pipes.Pair().Item1);
                System.Net.Security.AuthenticatedStream stream = scene.MakeClient(probe, leave);
                if (asynchronously)
                {
                    await stream.DisposeAsync();
                }
                else
                {
                    stream.Dispose();
                }
                scene.Note($"leave open {leave}, asynchronously {asynchronously}", $"{probe.IsDisposed} {probe.IsDisposedAsync}");
                scene.Note($"LeaveInnerStreamOpen {leave} {asynchronously}", stream.LeaveInnerStreamOpen);
            }
        }
    }

    [Scenario(Sockets = true)]
    static async Task A_stream_is_disposed_of_while_it_reads(Scene scene)
    {
        await scene.Handshake();
        Task<int> reading = scene.Server.ReadAsync(new byte[4]).AsTask();
        scene.Server.Dispose();
        await scene.TryAsync("read", () => reading);
    }

    [Scenario(Sockets = true)]
    static async Task A_stream_is_disposed_of_in_its_handshake(Scene scene)
    {
        dynamic server = scene.Server;
        Task handshake = server.AuthenticateAsServerAsync(scene.ServerOptions, CancellationToken.None);
        scene.Server.Dispose();
        try
        {
            await handshake;
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            // Which one depends on where SslStream is just then.
            scene.Note("handshake", "fails");
        }
        scene.Note("authenticated", scene.Server.IsAuthenticated);
    }

    [Scenario]
    static async Task A_stream_is_disposed_of_while_it_writes(Scene scene)
    {
        var probe = new Probe(scene.ClientInner);
        scene.ClientInner = probe;
        await scene.Handshake();
        var released = new TaskCompletionSource();
        probe.WritesWait = released.Task;
        Task writing = scene.Client.WriteAsync(Ping).AsTask();
        scene.Client.Dispose();
        released.SetException(new ObjectDisposedException("of the test"));
        await scene.TryAsync("write", () => writing);
        await scene.TryAsync("another", () => scene.Client.WriteAsync(Ping).AsTask());
    }

    [Scenario]
    static async Task Time_outs_of_streams_without_them_are_refused(Scene scene)
    {
        await Task.CompletedTask;
        scene.Note("CanTimeout", scene.Client.CanTimeout);
        scene.Try("ReadTimeout", () => scene.Client.ReadTimeout);
        scene.Try("set ReadTimeout", () => scene.Client.ReadTimeout = 1);
        scene.Try("WriteTimeout", () => scene.Client.WriteTimeout);
        scene.Try("set WriteTimeout", () => scene.Client.WriteTimeout = 1);
    }

    [Scenario(Sockets = true)]
    static async Task Time_outs_are_those_of_the_inner_stream(Scene scene)
    {
        await Task.CompletedTask;
        scene.Note("CanTimeout", scene.Client.CanTimeout);
        scene.Note("before", $"{scene.Client.ReadTimeout} {scene.Client.WriteTimeout}");
        scene.Client.ReadTimeout = 12345;
        scene.Client.WriteTimeout = 23456;
        scene.Note("inner", $"{scene.ClientInner.ReadTimeout} {scene.ClientInner.WriteTimeout}");
        scene.Note("outer", $"{scene.Client.ReadTimeout} {scene.Client.WriteTimeout}");
    }

    [Scenario(Sockets = true)]
    static async Task A_blocking_read_times_out_and_loses_nothing(Scene scene)
    {
        await scene.Handshake();
        // Nothing is sent: any time-out elapses.
        scene.Server.ReadTimeout = 20;
        scene.Try("read", () => scene.Server.Read(new byte[4], 0, 4));
        scene.Try("a byte", () => scene.Server.ReadByte());
        scene.Server.ReadTimeout = Timeout.Infinite;
        await scene.Client.WriteAsync(Ping);
        scene.Note("afterwards", await Read(scene.Server));
        scene.Try("the other way", () => scene.Server.Write(Pong, 0, 4));
        scene.Note("read there", await Read(scene.Client));
    }

    [Scenario(Sockets = true)]
    static Task A_blocking_handshake_times_out(Scene scene)
    {
        scene.Server.ReadTimeout = 20;
        dynamic server = scene.Server;
        scene.Try("server", () => server.AuthenticateAsServer(scene.ServerOptions));
        scene.Note("authenticated", scene.Server.IsAuthenticated);
        return Task.CompletedTask;
    }

    [Scenario(Sockets = true)]
    static async Task A_blocking_write_times_out(Scene scene)
    {
        await scene.Handshake();
        scene.Client.WriteTimeout = 20;
        byte[] data = new byte[20000000];
        // No one reads: the buffers of the sockets are full at some point.
        scene.Try("write", () => scene.Client.Write(data, 0, data.Length));
    }

    [Scenario]
    static async Task A_handshake_is_cancelled(Scene scene)
    {
        using var source = new CancellationTokenSource();
        dynamic client = scene.Client;
        Task handshake = client.AuthenticateAsClientAsync(scene.ClientOptions, source.Token);
        source.Cancel();
        await scene.TryAsync("handshake", () => handshake);
        scene.Note("authenticated", scene.Client.IsAuthenticated);
        await scene.TryAsync("read", () => scene.Client.ReadAsync(new byte[4]).AsTask());
        await scene.TryAsync("write", () => scene.Client.WriteAsync(Ping).AsTask());
    }

    [Scenario]
    static async Task A_handshake_with_a_token_that_is_cancelled_fails(Scene scene)
    {
        dynamic client = scene.Client, server = scene.Server;
        await scene.TryAsync("client", () => (Task)client.AuthenticateAsClientAsync(scene.ClientOptions, new CancellationToken(true)));
        await scene.TryAsync("server", () => (Task)server.AuthenticateAsServerAsync(scene.ServerOptions, new CancellationToken(true)));
    }
}
