using System;
using System.IO;
using System.Linq;
using System.Net.Security;
using System.Reflection;
using System.Security.Authentication;
using System.Threading;
using System.Threading.Tasks;
using SpanTls;

/// <summary>TlsStream in the place of SslStream: its members, and what SslStream cannot show.</summary>
static class DropIn
{
    [Test]
    static Task Each_public_member_of_SslStream_is_one_of_TlsStream()
    {
        const BindingFlags Own = BindingFlags.Instance | BindingFlags.Public | BindingFlags.DeclaredOnly;
        string[] missing = typeof(SslStream).GetMethods(Own).Cast<MethodBase>().Concat(typeof(SslStream).GetConstructors(Own))
            // The delegate takes an SslStream: SelectServerContext does the same.
            .Where(method => method.GetParameters().All(one => one.ParameterType != typeof(ServerOptionsSelectionCallback)))
            .Where(method => !typeof(TlsStream).GetMember(method.Name).OfType<MethodBase>().Any(ours => Takes(ours, method)))
            .Select(method => method.ToString()!).ToArray();
        Check.Equal("", string.Join(", ", missing), "members that TlsStream has not");
        return Task.CompletedTask;
    }

    static bool Takes(MethodBase ours, MethodBase theirs)
    {
        ParameterInfo[] have = ours.GetParameters(), want = theirs.GetParameters();
        return have.Length >= want.Length && have.Skip(want.Length).All(one => one.IsOptional) &&
            want.Zip(have).All(pair => pair.First.ParameterType == pair.Second.ParameterType);
    }

    [Test]
    static async Task A_cancelled_read_does_not_cut_off_the_answer_to_a_KeyUpdate()
    {
        var (one, other) = Pipes.Pair();
        var probe = new Probe(one);
        using var server = new TlsStream(probe);
        using var client = new TlsStream(other);
        await Task.WhenAll(server.AuthenticateAsServerAsync(Files.Server(SslProtocols.Tls13)), client.AuthenticateAsClientAsync(Files.Client()));
        var released = new TaskCompletionSource();
        probe.WritesWait = released.Task;
        byte[] update = new byte[100], room = new byte[4];
        client.Session!.UpdateKeys(true, update, out int written);
        await other.WriteAsync(update.AsMemory(0, written));
        using var source = new CancellationTokenSource();
        Task reading = server.ReadAsync(room, source.Token).AsTask();
        source.Cancel();
        await Check.Throws<OperationCanceledException>(() => reading, "the read");
        released.SetResult();
        await server.WriteAsync(AgainstSslStream.Pong);
        await client.ReadExactlyAsync(room);
        Check.Bytes(AgainstSslStream.Pong, room, "written afterwards");
    }

    [Test, Versions]
    static async Task The_reason_of_a_failed_handshake_survives_an_alert_that_cannot_be_sent(SslProtocols protocol)
    {
        var (one, other) = Pipes.Pair();
        var probe = new Probe(other);
        using var server = new TlsStream(one);
        using var client = new TlsStream(probe)
        {
            Validate = (session, _) =>
            {
                probe.WritesThrow = new IOException("of the test");
                session.SetRemoteCertificateValidationResult(SslPolicyErrors.RemoteCertificateChainErrors);
                return Task.CompletedTask;
            },
        };
        Task serving = server.AuthenticateAsServerAsync(Files.Server(protocol));
        await Check.Throws<AuthenticationException>(() => client.AuthenticateAsClientAsync(Files.Client()), "the client");
        client.Dispose();
        await Check.Throws<Exception>(() => serving, "the server");
    }
}
