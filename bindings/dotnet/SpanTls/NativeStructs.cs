// Written by bindings/generate.py from include/spantls.h: `make bindings`. Do not edit.

using System.Runtime.InteropServices;

namespace SpanTls;

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeError
{
    internal nuint StructSize;
    internal int Status;
    internal int AlertSent;
    internal int AlertReceived;
    internal uint PolicyErrors;
    internal int OsError;
    internal uint Reason;
    internal int Depth;
    internal int StrictRule;
    internal fixed byte Message[256];
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeSpan
{
    internal void* Data;
    internal nuint Len;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeTicketRoot
{
    internal void* Secret;
    internal nuint SecretLen;
    internal long SealFrom;
    internal long OpenUntil;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeValidation
{
    internal nuint StructSize;
    internal uint PolicyErrors;
    internal uint Reasons;
    internal uint Reason;
    internal int Depth;
    internal int Alert;
    internal int StrictRule;
    internal fixed byte Message[256];
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeSessionStats
{
    internal nuint StructSize;
    internal ulong CiphertextSent;
    internal ulong CiphertextReceived;
    internal ulong PlaintextSent;
    internal ulong PlaintextReceived;
    internal ulong RecordsSent;
    internal ulong RecordsReceived;
    internal ulong KeyUpdatesSent;
    internal ulong KeyUpdatesReceived;
    internal ulong TicketsReceived;
    internal ulong HandshakeNanoseconds;
    internal ulong ServerOptionsNanoseconds;
    internal ulong CredentialsNanoseconds;
    internal ulong ValidationNanoseconds;
    internal ulong SignatureNanoseconds;
    internal ulong ReceiveCalls;
    internal ulong SendCalls;
    internal uint KernelSend;
    internal uint KernelReceive;
    internal uint KernelReason;
    internal int KernelOsError;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeCertificateInfo
{
    internal nuint StructSize;
    internal long NotBefore;
    internal long NotAfter;
    internal fixed byte Sha256[32];
    internal fixed byte PublicKeySha256[32];
    internal int IsCa;
    internal uint NumCommonNames;
    internal uint NumDnsNames;
    internal uint NumIpAddresses;
    internal uint NumUris;
    internal uint NumEmails;
    internal uint NumOtherNames;
    internal uint Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativePart
{
    internal uint Offset;
    internal uint Len;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeClientHelloInfo
{
    internal nuint StructSize;
    internal uint Offers;
    internal ushort LegacyVersion;
    internal ushort NumKeyShareGroups;
    internal fixed ushort KeyShareGroups[16];
    internal NativePart Random;
    internal NativePart SessionId;
    internal NativePart CipherSuites;
    internal NativePart Extensions;
    internal NativePart ServerName;
    internal NativePart SupportedVersions;
    internal NativePart SupportedGroups;
    internal NativePart SignatureAlgorithms;
    internal NativePart SignatureAlgorithmsCert;
    internal NativePart Alpn;
}
