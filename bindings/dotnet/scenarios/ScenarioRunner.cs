// The C# runner of ffi-tests/judges/scenarios, whose README says what it reads and prints: ScenarioRunner server|client

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using SpanTls;

if (args.Length != 1 || args[0] is not ("server" or "client"))
{
    Console.Error.WriteLine("usage: ScenarioRunner server|client");
    return 2;
}
while (Console.In.ReadLine() is { } line)
{
    Side side;
    try
    {
        side = new Side(JsonNode.Parse(line)!.AsObject(), args[0] == "server");
    }
    catch (Exception exception)
    {
        Console.Error.WriteLine($"a wrong input: {exception.Message}");
        return 2;
    }
    using (side)
    {
        Play(side);
    }
}
return 0;

static void Play(Side side)
{
    using var listener = new TcpListener(IPAddress.Loopback, 0);
    if (side.IsServer)
    {
        listener.Start();
        Console.WriteLine(new JsonObject { ["port"] = ((IPEndPoint)listener.LocalEndpoint).Port }.ToJsonString());
    }
    var told = new JsonArray();
    for (int i = 0; i < side.Number("connections", 1); i++)
    {
        Socket socket;
        if (side.IsServer)
        {
            socket = listener.AcceptSocket();
        }
        else
        {
            socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(IPAddress.Loopback, side.Number("port", 0));
        }
        told.Add(new Conversation(side, socket).Run());
    }
    Console.WriteLine(new JsonObject { ["connections"] = told }.ToJsonString());
}

/// <summary>What the scenario wants of this side, and the contexts for it.</summary>
sealed class Side : IDisposable
{
    readonly JsonObject _wants;
    readonly Dictionary<string, TlsContext> _byName = new();

    internal Side(JsonObject wants, bool isServer)
    {
        _wants = wants;
        IsServer = isServer;
        foreach (var (host, name) in wants["sni_contexts"]?.AsObject() ?? new JsonObject())
        {
            _byName[host] = Context(name!.GetValue<string>());
        }
        Main = _byName.Count > 0 ? TlsContext.Create((SslServerAuthenticationOptions?)null, new TlsContextSettings { SignInCall = false }) :
            Context(Text(isServer ? "credentials" : "preset_credentials"));
    }

    public void Dispose()
    {
        foreach (TlsContext context in _byName.Values)
        {
            context.Dispose();
        }
        Main.Dispose();
    }

    internal bool IsServer { get; }

    internal TlsContext Main { get; }

    internal string? Text(string key) => _wants[key]?.GetValue<string>();

    internal bool Flag(string key, bool otherwise = false) => _wants[key]?.GetValue<bool>() ?? otherwise;

    internal int Number(string key, int otherwise) => _wants[key]?.GetValue<int>() ?? otherwise;

    string Path(string name, string end) => System.IO.Path.Combine(Text("certs")!, name + end);

    TlsCredentials Credentials(string name)
    {
        if (!Flag("external_key"))
        {
            return TlsCredentials.FromPemFiles(Path(name, ".pem"), Path(name, ".key"));
        }
        X509Certificate2 certificate = X509Certificate2.CreateFromPemFile(Path(name, ".pem"), Path(name, ".key"));
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(Path(name, ".pem"));
        return TlsCredentials.FromCertificate(certificate, chain.Skip(1));
    }

    TlsContext Context(string? name)
    {
        var settings = new TlsContextSettings
        {
            Credentials = name == null ? null : Credentials(name),
            AutomaticValidation = Text("validation") == "automatic",
            AllowTlsResume = Flag("allow_resume", true),
            ClientCertificateMode = Enum.Parse<TlsClientCertificateMode>(Text("client_certificate") ?? "none", true),
            SignInCall = false,
        };
        if (Text("anchors") is { } anchors)
        {
            settings.TrustAnchors = new X509Certificate2Collection();
            settings.TrustAnchors.ImportFromPemFile(Path(anchors, ".pem"));
        }
        SslProtocols protocols = SslProtocols.None;
        foreach (JsonNode? version in _wants["protocols"]?.AsArray() ?? new JsonArray())
        {
            protocols |= version!.GetValue<string>() == "1.2" ? SslProtocols.Tls12 : SslProtocols.Tls13;
        }
        List<SslApplicationProtocol> alpn =
            (_wants["alpn"]?.AsArray() ?? new JsonArray()).Select(one => new SslApplicationProtocol(one!.GetValue<string>())).ToList();
        return IsServer ?
            TlsContext.Create(new SslServerAuthenticationOptions { EnabledSslProtocols = protocols, ApplicationProtocols = alpn }, settings) :
            TlsContext.Create(new SslClientAuthenticationOptions { EnabledSslProtocols = protocols, ApplicationProtocols = alpn }, settings);
    }

    internal byte[] Message()
    {
        if (_wants["send"] is JsonObject sized)
        {
            return Enumerable.Range(0, sized["size"]!.GetValue<int>()).Select(i => (byte)(i % 251)).ToArray();
        }
        return Encoding.UTF8.GetBytes(Text("send") ?? "");
    }

    /// <summary>Answers a question; false: it is none.</summary>
    internal bool Answer(TlsSession session, TlsOperationStatus status)
    {
        switch (status)
        {
            case TlsOperationStatus.NeedsServerOptions:
                if (_byName.TryGetValue(session.TargetHostName ?? "", out TlsContext? found))
                {
                    session.SetServerContext(found);
                }
                else
                {
                    session.Reject(byte.Parse((Text("unknown_name") ?? "reject:112").Split(':')[1]));
                }
                return true;
            case TlsOperationStatus.WantCredentials:
                string[] answer = (Text("on_credentials") ?? "decline").Split(':');
                if (answer[0] == "reject")
                {
                    session.Reject(byte.Parse(answer[1]));
                }
                else
                {
                    session.SetClientCredentials(answer[0] == "present" ? Credentials(answer[1]) : null);
                }
                return true;
            case TlsOperationStatus.NeedsCertificateValidation:
                string[] verdict = (Text("verdict") ?? "default").Split(':');
                if (verdict[0] == "reject")
                {
                    session.RejectCertificate(byte.Parse(verdict[1]));
                }
                else if (verdict[0] == "accept")
                {
                    session.SetRemoteCertificateValidationResult(SslPolicyErrors.None);
                }
                else
                {
                    session.AcceptWithDefaultValidation();
                }
                return true;
            case TlsOperationStatus.NeedsSignature:
                session.Sign();
                return true;
            default:
                return false;
        }
    }
}

/// <summary>One connection.</summary>
sealed class Conversation
{
    static readonly string[] Keys = {
        "error", "alert_sent", "alert_received", "version", "suite", "alpn", "sni", "peer_leaf_sha256", "echoed_sha256", "exporter_hex",
        "tls_server_end_point", "end", "post_handshake" };

    readonly Side _side;
    readonly SpanWire _wire;
    readonly JsonObject _told = new();
    readonly JsonArray _suspensions = new();

    internal Conversation(Side side, Socket socket)
    {
        _side = side;
        foreach (string key in Keys)
        {
            _told[key] = null;
        }
        _told["status"] = "ok";
        _told["resumed"] = false;
        _told["suspensions"] = _suspensions;
        bool bound = side.Flag("socket");
        TlsSession session = bound ? TlsSession.Create(side.Main, socket.SafeHandle) : TlsSession.Create(side.Main);
        if (!side.IsServer && side.Text("name") is { } name)
        {
            session.TargetHostName = name;
        }
        int chunk = side.Number("chunk", 1 << 20);
        _wire = bound ? new BoundWire(session, socket, chunk) : new SpanWire(session, socket, chunk);
    }

    internal JsonObject Run()
    {
        try
        {
            while (Answered(_wire.Handshake()))
            {
            }
            Learn();
            Exchange();
            End();
        }
        catch (Exception failure) when (TlsException.Of(failure) is { } exception)
        {
            _told["status"] = "failed";
            _told["error"] = Name(exception.Error);
            _told["alert_sent"] = exception.AlertSent is > 0 ? exception.AlertSent : null;
            _told["alert_received"] = exception.AlertReceived is > 0 ? exception.AlertReceived : null;
        }
        _told["sni"] = _wire.Session.TargetHostName;
        _wire.Linger();
        return _told;
    }

    /// <summary>As the C header has it.</summary>
    static string Name(TlsError error) =>
        "TLS_STATUS_" + string.Concat(error.ToString().Select((letter, i) => (i > 0 && char.IsUpper(letter) ? "_" : "") + char.ToUpperInvariant(letter)));

    static string Name(TlsOperationStatus status) =>
        string.Concat(status.ToString().Select((letter, i) => (i > 0 && char.IsUpper(letter) ? "_" : "") + char.ToUpperInvariant(letter)));

    bool Answered(TlsOperationStatus status)
    {
        if (status is not (TlsOperationStatus.NeedsServerOptions or TlsOperationStatus.WantCredentials or
            TlsOperationStatus.NeedsCertificateValidation or TlsOperationStatus.NeedsSignature))
        {
            return false;
        }
        _suspensions.Add(Name(status));
        return _side.Answer(_wire.Session, status);
    }

    void Learn()
    {
        TlsSession session = _wire.Session;
        _told["version"] = session.NegotiatedProtocol == SslProtocols.Tls13 ? "1.3" : "1.2";
        _told["suite"] = session.NegotiatedCipherSuiteNumber;
        ReadOnlyMemory<byte> alpn = session.NegotiatedApplicationProtocol.Protocol;
        _told["alpn"] = alpn.IsEmpty ? null : Encoding.ASCII.GetString(alpn.Span);
        _told["resumed"] = session.IsResumed;
        using X509Certificate2? leaf = session.GetRemoteCertificate();
        _told["peer_leaf_sha256"] = leaf == null ? null : Hex(SHA256.HashData(leaf.RawData));
        byte[] material = new byte[16];
        session.ExportKeyingMaterial("EXPERIMENTAL spantls", null, material);
        _told["exporter_hex"] = Hex(material);
        byte[]? binding = session.GetChannelBindingToken(TlsChannelBindingKind.Endpoint);
        _told["tls_server_end_point"] = binding == null ? null : Hex(binding);
    }

    static string Hex(byte[] bytes) => Convert.ToHexString(bytes).ToLowerInvariant();

    byte[] ReadAll(int length)
    {
        var got = new MemoryStream();
        while (got.Length < length)
        {
            TlsOperationStatus status = _wire.Read(length - (int)got.Length, out byte[] data);
            if (Answered(status))
            {
                continue;
            }
            if (status != TlsOperationStatus.Complete)
            {
                throw new InvalidDataException($"{status} before the whole message");
            }
            got.Write(data);
        }
        return got.ToArray();
    }

    void Exchange()
    {
        byte[] message = _side.Message();
        byte[] got = _side.IsServer ? ReadAll(message.Length) : Array.Empty<byte>();
        if (_side.IsServer && _side.Flag("post_handshake_auth"))
        {
            try
            {
                _wire.RequestCertificate();
                _told["post_handshake"] = "TLS_STATUS_COMPLETE";
            }
            catch (Exception failure) when (TlsException.Of(failure) is { } exception)
            {
                _told["post_handshake"] = Name(exception.Error);
            }
            catch (InvalidOperationException)
            {
                _told["post_handshake"] = Name(TlsError.InvalidState);
            }
        }
        if (_side.Flag("update_keys"))
        {
            _wire.UpdateKeys();
        }
        _wire.Write(_side.IsServer ? got : message);
        if (!_side.IsServer)
        {
            got = ReadAll(message.Length);
        }
        if (got.Length > 0)
        {
            _told["echoed_sha256"] = Hex(SHA256.HashData(got));
        }
    }

    void ReadToTheEnd()
    {
        try
        {
            while (true)
            {
                TlsOperationStatus status = _wire.Read(4096, out _);
                if (status != TlsOperationStatus.Complete && !Answered(status))
                {
                    _told["end"] = Name(status);
                    return;
                }
            }
        }
        catch (Exception failure) when (TlsException.Of(failure) is { } exception)
        {
            _told["end"] = Name(exception.Error).Substring("TLS_STATUS_".Length);
            if (exception.Error != TlsError.Truncated)
            {
                throw;
            }
        }
    }

    void End()
    {
        string close = _side.Text("close") ?? "both", role = _side.IsServer ? "server" : "client";
        if (close == "abort" && role == "client")
        {
            return;
        }
        if (close == role || (close == "both" && role == "client"))
        {
            _wire.Close();
        }
        ReadToTheEnd();
        if (close == "both" && role == "server")
        {
            _wire.Close();
        }
    }
}
