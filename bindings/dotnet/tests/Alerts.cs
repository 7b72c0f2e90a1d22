using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Authentication;
using System.Threading.Tasks;
using SpanTls;

/// <summary>A host that sends what each call has written, and stops when one throws, has sent every alert.</summary>
static class Alerts
{
    const byte Fatal = 2;

    /// <summary>A handshake with so much room for output. What the server has sent when it throws, and what it throws.</summary>
    static (byte[], Exception) Refused(TlsSession server, byte[] input, int room)
    {
        var sent = new List<byte>();
        byte[] output = new byte[room];
        int at = 0;
        for (int i = 0; i < 1000; i++)
        {
            int written = 0;
            try
            {
                TlsOperationStatus status = server.ProcessHandshake(input.AsSpan(at), output, out int consumed, out written);
                Check.That(status is TlsOperationStatus.WantWrite or TlsOperationStatus.WantRead, $"{status} of a failing handshake");
                at += consumed;
                sent.AddRange(output.Take(written));
            }
            catch (Exception exception)
            {
                Check.Equal(0, written, "bytes that were written by the call that throws");
                return (sent.ToArray(), exception);
            }
        }
        throw new Complaint("the handshake does not fail");
    }

    static byte[] Hello(SslProtocols protocol)
    {
        using var context = TlsContext.Create(Files.Client(protocol));
        using TlsSession client = TlsSession.Create(context);
        byte[] output = new byte[4000];
        client.ProcessHandshake(default, output, out _, out int written);
        return output.AsSpan(0, written).ToArray();
    }

    [Test]
    static Task A_handshake_that_fails_returns_its_alert_before_it_throws()
    {
        byte[] hello = Hello(SslProtocols.Tls13);
        foreach (int room in new[] { 1, 3, 7, 1000 })
        {
            using var context = TlsContext.Create(Files.Server(SslProtocols.Tls12));
            using TlsSession server = TlsSession.Create(context);
            var (sent, thrown) = Refused(server, hello, room);
            Check.Bytes(new byte[] { 21, 3, 3, 0, 2, Fatal, 70 }, sent, $"protocol_version, with room for {room}");
            Check.Equal((byte?)70, TlsException.Of(thrown)?.AlertSent, "the alert in the exception");
            Check.That(thrown is AuthenticationException, $"{thrown.GetType()} is an AuthenticationException");
            Exception again = Check.Throws<AuthenticationException>(
                () => server.ProcessHandshake(default, new byte[100], out _, out _), "the next call");
            Check.Equal(thrown.Message, again.Message, "what it says");
            Check.Equal(TlsOperationStatus.Closed, server.Shutdown(new byte[100], out int more), "closing");
            Check.Equal(0, more, "bytes that come later");
        }
        return Task.CompletedTask;
    }

    [Test]
    static Task An_alert_of_a_failed_handshake_can_be_taken_by_the_calls_that_close()
    {
        using var context = TlsContext.Create(Files.Server(SslProtocols.Tls12));
        foreach (bool drain in new[] { true, false })
        {
            using TlsSession server = TlsSession.Create(context);
            byte[] output = new byte[100];
            Check.Equal(TlsOperationStatus.WantWrite,
                server.ProcessHandshake(Hello(SslProtocols.Tls13), default, out _, out _), "without room");
            Check.That(server.HasPendingOutput, "the alert is pending");
            TlsOperationStatus status = drain ? server.DrainPendingOutput(output, out int written) : server.Shutdown(output, out written);
            Check.Equal(drain ? TlsOperationStatus.Complete : TlsOperationStatus.Closed, status, "status");
            Check.Bytes(new byte[] { 21, 3, 3, 0, 2, Fatal, 70 }, output.AsSpan(0, written).ToArray(), "the alert");
        }
        return Task.CompletedTask;
    }

    [Test, Versions]
    static Task A_record_that_cannot_be_opened_says_so_before_it_throws(SslProtocols protocol)
    {
        foreach (bool inPlace in new[] { false, true })
        {
            using var ours = TlsContext.Create(Files.Server(protocol));
            using var theirs = TlsContext.Create(Files.Client());
            using TlsSession server = TlsSession.Create(ours), client = TlsSession.Create(theirs);
            byte[] tickets = Machine.Converse(client, server, 20000).ToArray();
            byte[] record = new byte[100], room = new byte[100], output = new byte[100];
            client.Encrypt(AgainstSslStream.Ping, record, out _, out int length);
            record[length - 1] ^= 1;
            Check.Equal(TlsOperationStatus.WantWrite, Attempt(), "the call that fails");
            Check.That(server.HasPendingOutput, "there is an alert");
            Check.Equal(TlsOperationStatus.WantWrite, server.Encrypt(AgainstSslStream.Pong, output.AsSpan(0, 3), out int taken, out int first),
                "a writer hands it over first");
            Check.Equal(0, taken, "plaintext taken");
            Check.Equal(3, first, "the front of the alert");
            Check.Equal(TlsOperationStatus.Complete, server.DrainPendingOutput(output.AsSpan(3), out int rest), "the rest of it");
            Check.That(rest > 0 && !server.HasPendingOutput, "all of it");
            // The peer reads the alert.
            Check.That(!client.HasPendingOutput, "the peer owes nothing");
            var told = Check.Throws<TlsException>(() => Open(client, tickets.Concat(output.Take(3 + rest)).ToArray()), "the peer");
            Check.Equal((byte?)20, told.AlertReceived, "bad_record_mac");
            Check.Throws<TlsException>(() => Attempt(), "the next call");
            Check.Throws<TlsException>(() => server.Encrypt(AgainstSslStream.Pong, output, out _, out _), "a writer");

            TlsOperationStatus Attempt() => inPlace ? server.DecryptInPlace(record.AsSpan(0, length).ToArray(), out _, out _, out _) :
                server.Decrypt(record.AsSpan(0, length), room, out _, out _);
        }
        return Task.CompletedTask;
    }

    /// <summary>Opens records until one ends the session. Tickets come first in TLS 1.3.</summary>
    static void Open(TlsSession session, byte[] records)
    {
        byte[] room = new byte[1000];
        for (int at = 0; at < records.Length;)
        {
            session.Decrypt(records.AsSpan(at), room, out int consumed, out _);
            Check.That(consumed > 0, "the alert is a record");
            at += consumed;
        }
    }

    [Test, Versions]
    static Task A_failure_is_returned_once_to_a_reader_that_does_not_drain(SslProtocols protocol)
    {
        using var ours = TlsContext.Create(Files.Server(protocol));
        using var theirs = TlsContext.Create(Files.Client());
        using TlsSession server = TlsSession.Create(ours), client = TlsSession.Create(theirs);
        Machine.Converse(client, server, 20000);
        byte[] record = new byte[100], room = new byte[100];
        client.Encrypt(AgainstSslStream.Ping, record, out _, out int length);
        record[length - 1] ^= 1;
        Check.Equal(TlsOperationStatus.WantWrite, server.Decrypt(record.AsSpan(0, length), room, out _, out _), "once");
        Check.Throws<TlsException>(() => server.Decrypt(record.AsSpan(0, length), room, out _, out _), "the next call");
        Check.Equal(TlsOperationStatus.Complete, server.DrainPendingOutput(room, out int written), "the alert can still be taken");
        Check.That(written > 0, "all of it");
        return Task.CompletedTask;
    }
}

/// <summary>Arguments and getters as .NET's proposal has them.</summary>
static class Proposed
{
    [Test]
    static Task A_session_without_a_context_is_an_ArgumentNullException()
    {
        using var context = TlsContext.Create(Files.Client());
        Check.Throws<ArgumentNullException>(() => TlsSession.Create(null!), "no context");
        Check.Throws<ArgumentNullException>(() => TlsSession.Create(context, (System.Net.Sockets.Socket)null!), "no socket");
        Check.Throws<ArgumentNullException>(() => TlsSession.Create(context, (System.Net.Sockets.SafeSocketHandle)null!), "no handle");
        return Task.CompletedTask;
    }

    [Test]
    static Task No_name_of_a_server_is_null_or_empty()
    {
        using var context = TlsContext.Create(Files.Client());
        using var nameless = TlsContext.Create(new System.Net.Security.SslClientAuthenticationOptions());
        using TlsSession session = TlsSession.Create(nameless), named = TlsSession.Create(context);
        session.TargetHostName = null;
        session.TargetHostName = string.Empty;
        Check.Equal(null, session.TargetHostName, "the name");
        session.TargetHostName = "localhost";
        Check.Equal("localhost", session.TargetHostName, "a name");
        Check.Throws<InvalidOperationException>(() => named.TargetHostName = null, "removing it");
        return Task.CompletedTask;
    }

    [Test]
    static Task A_channel_binding_before_the_handshake_is_null()
    {
        using var context = TlsContext.Create(Files.Client());
        using TlsSession session = TlsSession.Create(context);
        foreach (var kind in new[] { System.Security.Authentication.ExtendedProtection.ChannelBindingKind.Endpoint,
            System.Security.Authentication.ExtendedProtection.ChannelBindingKind.Unique })
        {
            Check.That(session.GetChannelBinding(kind) == null, kind.ToString());
        }
        return Task.CompletedTask;
    }
}
