// A web server of Kestrel whose connections TlsStream protects: HTTP/1.1 and HTTP/2, as the client chooses.
//
//     KestrelHost CERTIFICATE.pem KEY.pem [MILLISECONDS]        prints "port N"; ends when its input does
//
// MILLISECONDS is how long a handshake may take; 10 seconds without it, as in Kestrel's own HTTPS.

using System;
using System.IO;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using SpanTls;
using System.Security.Authentication;
using System.Linq;

using TlsContext context = TlsContext.Create(
    new SslServerAuthenticationOptions
    {
        ApplicationProtocols = new() { SslApplicationProtocol.Http2, SslApplicationProtocol.Http11 },
    },
    new TlsContextSettings { Credentials = TlsCredentials.FromPemFiles(args[0], args[1]) });

TimeSpan handshakeTimeout = args.Length > 2 ? TimeSpan.FromMilliseconds(int.Parse(args[2])) : TimeSpan.FromSeconds(10);

WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
{
    listen.Protocols = HttpProtocols.Http1AndHttp2;
    listen.Use(next => connection => Protect(connection, next));
}));
WebApplication application = builder.Build();
application.MapGet("/", (HttpContext http) =>
    Results.Text($"{http.Request.Protocol} {http.Request.Scheme} {http.Features.Get<ITlsHandshakeFeature>()?.Protocol}"));
application.MapPost("/count", async (HttpContext http) =>
{
    long count = 0;
    byte[] room = new byte[65536];
    for (int read; (read = await http.Request.Body.ReadAsync(room)) > 0;)
    {
        count += read;
    }
    return Results.Text(count.ToString());
});
application.MapGet("/large", () => Results.Bytes(Enumerable.Range(0, 3000000).Select(i => (byte)i).ToArray()));
await application.StartAsync();
string address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
Console.WriteLine($"port {new Uri(address).Port}");
await Console.In.ReadToEndAsync();
await application.StopAsync();

// The connection middleware: the handshake, then the pipes of the plaintext in the place of the socket's.
async Task Protect(ConnectionContext connection, ConnectionDelegate next)
{
    await using var stream = new TlsStream(connection.Transport.AsStream(), leaveInnerStreamOpen: true);
    using var deadline = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed);
    deadline.CancelAfter(handshakeTimeout);
    try
    {
        await stream.AuthenticateAsServerAsync(context, deadline.Token);
    }
    catch (Exception exception) when (exception is IOException or AuthenticationException)
    {
        return; // No client of ours; it has got its alert.
    }
    catch (OperationCanceledException)
    {
        // A client that is silent, or slow, does not keep its connection.
        connection.Abort(new ConnectionAbortedException("the handshake took too long"));
        return;
    }
    deadline.CancelAfter(Timeout.InfiniteTimeSpan);
    TlsSession session = stream.Session!;
    var feature = new Feature(session.NegotiatedApplicationProtocol.Protocol, session.NegotiatedProtocol, session.NegotiatedCipherSuite,
        session.TargetHostName ?? "");
    connection.Features.Set<ITlsApplicationProtocolFeature>(feature);
    connection.Features.Set<ITlsHandshakeFeature>(feature);
    connection.Features.Set<ITlsConnectionFeature>(feature);
    IDuplexPipe transport = connection.Transport;
    connection.Transport = new Pipes(stream);
    try
    {
        await next(connection);
        await connection.Transport.Output.CompleteAsync();
        await stream.ShutdownAsync();
    }
    catch (Exception exception) when (exception is IOException or AuthenticationException)
    {
        // The client is gone, or was refused.
    }
    finally
    {
        connection.Transport = transport;
    }
}

static class Streams
{
    internal static Stream AsStream(this IDuplexPipe pipe) => new Duplex(pipe.Input.AsStream(true), pipe.Output.AsStream(true));
}

sealed class Pipes : IDuplexPipe
{
    internal Pipes(Stream stream)
    {
        Input = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
        Output = PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true));
    }

    public PipeReader Input { get; }
    public PipeWriter Output { get; }
}

sealed class Feature : ITlsApplicationProtocolFeature, ITlsHandshakeFeature, ITlsConnectionFeature
{
    internal Feature(ReadOnlyMemory<byte> applicationProtocol, SslProtocols protocol, TlsCipherSuite suite, string hostName)
    {
        ApplicationProtocol = applicationProtocol;
        Protocol = protocol;
        NegotiatedCipherSuite = suite;
        HostName = hostName;
    }

    public ReadOnlyMemory<byte> ApplicationProtocol { get; }
    public SslProtocols Protocol { get; }
    public TlsCipherSuite? NegotiatedCipherSuite { get; }
    public string HostName { get; }
    public CipherAlgorithmType CipherAlgorithm => default;
    public int CipherStrength => 0;
    public HashAlgorithmType HashAlgorithm => default;
    public int HashStrength => 0;
    public ExchangeAlgorithmType KeyExchangeAlgorithm => default;
    public int KeyExchangeStrength => 0;
    public System.Security.Cryptography.X509Certificates.X509Certificate2? ClientCertificate { get; set; }
    public Task<System.Security.Cryptography.X509Certificates.X509Certificate2?> GetClientCertificateAsync(System.Threading.CancellationToken cancellation) =>
        Task.FromResult(ClientCertificate);
}

/// <summary>Two streams as one.</summary>
sealed class Duplex : Stream
{
    readonly Stream _input, _output;

    internal Duplex(Stream input, Stream output)
    {
        _input = input;
        _output = output;
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, System.Threading.CancellationToken cancellation = default) =>
        _input.ReadAsync(buffer, cancellation);
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, System.Threading.CancellationToken cancellation = default) =>
        _output.WriteAsync(buffer, cancellation);
    public override Task FlushAsync(System.Threading.CancellationToken cancellation) => _output.FlushAsync(cancellation);
    public override void Flush() => _output.Flush();
    public override int Read(byte[] buffer, int offset, int count) => _input.Read(buffer, offset, count);
    public override void Write(byte[] buffer, int offset, int count) => _output.Write(buffer, offset, count);
    public override bool CanRead => true;
    public override bool CanWrite => true;
    public override bool CanSeek => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
}
