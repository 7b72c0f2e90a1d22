using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography.X509Certificates;

namespace SpanTls;

/// <summary>What contexts can be told beyond the options of SslStream. All is read when the context is made.</summary>
public sealed class TlsContextSettings
{
    /// <summary>In the place of the certificate of the options.</summary>
    public TlsCredentials? Credentials { get; set; }

    /// <summary>More of them, for example an RSA chain beside an ECDSA chain: the first one that fits the peer is shown, the fixed one
    /// before these.</summary>
    public IList<TlsCredentials> MoreCredentials { get; private set; } = new List<TlsCredentials>();

    internal List<KeyValuePair<string, TlsCredentials>> NamedCredentials { get; private set; } = new();

    /// <summary>Servers: shows these to clients that ask for this name (SNI); <c>*.example.org</c> is for each name with one label more.
    /// One name may have several.</summary>
    public void AddCredentialsForName(string name, TlsCredentials credentials) =>
        NamedCredentials.Add(new KeyValuePair<string, TlsCredentials>(
            name ?? throw new ArgumentNullException(nameof(name)), credentials ?? throw new ArgumentNullException(nameof(credentials))));

    /// <summary>Servers: true continues without an application protocol (ALPN) where the client offers only others.</summary>
    public bool ContinueWithoutApplicationProtocol { get; set; }

    /// <summary>Certificates that are trusted, instead of the system's store.</summary>
    public X509Certificate2Collection? TrustAnchors { get; set; }

    /// <summary>True: certificates must keep to the whole profile of RFC 5280.</summary>
    public bool StrictCertificates { get; set; }

    /// <summary>Revocation lists (PEM). If there are any they must cover every certificate below the anchor.</summary>
    public string? RevocationLists { get; set; }

    /// <summary>Whether servers ask clients for certificates; null: as the options have it.</summary>
    public TlsClientCertificateMode? ClientCertificateMode { get; set; }

    /// <summary>True: peers are judged inside, and no verdict is asked for; there must be no validation callback then.</summary>
    public bool AutomaticValidation { get; set; }

    /// <summary>Whether sessions may be resumed; null: as the options have it.</summary>
    public bool? AllowTlsResume { get; set; }

    /// <summary>False: a session that is resumed is not judged again.</summary>
    public bool ValidateOnResume { get; set; } = true;

    /// <summary>Machines with the same roots take each other's session tickets; empty: a context makes its own.</summary>
    public IList<TlsTicketRoot> TicketRoots { get; private set; } = new List<TlsTicketRoot>();

    /// <summary>How long a ticket is taken; zero: the library's default.</summary>
    public TimeSpan TicketLifetime { get; set; }

    /// <summary>How many tickets a server sends after a TLS 1.3 handshake.</summary>
    public int TicketCount { get; set; } = 2;

    /// <summary>Groups of the key exchange (their numbers), in the order of preference; empty: the default.</summary>
    public IList<ushort> Groups { get; private set; } = new List<ushort>();

    /// <summary>Bytes of plaintext in a record, at most; 0: the protocol's limit.</summary>
    public int MaxFragmentSize { get; set; }

    /// <summary>Secrets go to this file, for debugging; null: nowhere.</summary>
    public string? KeyLogFile { get; set; }

    /// <summary>Whether the ClientHello stays readable behind the handshake.</summary>
    public bool KeepClientHello { get; set; }

    /// <summary>False: calls return <see cref="TlsOperationStatus.NeedsSignature"/> instead of signing with keys of .NET.</summary>
    public bool SignInCall { get; set; } = true;

    /// <summary>These in place of the others.</summary>
    internal void Replace(IEnumerable<TlsTicketRoot> roots) => TicketRoots = roots.ToList();

    /// <summary>A copy, independent of later changes.</summary>
    internal TlsContextSettings Copy()
    {
        var copy = (TlsContextSettings)MemberwiseClone();
        copy.Groups = new List<ushort>(Groups);
        copy.MoreCredentials = new List<TlsCredentials>(MoreCredentials);
        copy.NamedCredentials = new List<KeyValuePair<string, TlsCredentials>>(NamedCredentials);
        copy.TrustAnchors = TrustAnchors == null ? null : new X509Certificate2Collection(TrustAnchors);
        copy.TicketRoots = TicketRoots.Select(root => root.Copy()).ToList();
        return copy;
    }
}
