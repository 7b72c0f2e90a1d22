using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;

namespace SpanTls;

/// <summary>What the keys of session tickets derive from.</summary>
public sealed class TlsTicketRoot
{
    /// <summary>A root with a secret of 32 to 1,024 random bytes, which is copied.</summary>
    public TlsTicketRoot(byte[] secret)
    {
        Secret = (byte[])(secret ?? throw new ArgumentNullException(nameof(secret))).Clone();
    }

    internal byte[] Secret { get; }

    /// <summary>It seals tickets from this moment on, until a root with a later one takes its place.</summary>
    public DateTimeOffset SealFrom { get; set; } = DateTimeOffset.UnixEpoch;

    /// <summary>It opens tickets until this moment, then it is erased; null: as long as the context lives.</summary>
    public DateTimeOffset? OpenUntil { get; set; }

    internal TlsTicketRoot Copy() => new(Secret) { SealFrom = SealFrom, OpenUntil = OpenUntil };

    /// <summary>Calls with the roots as the library takes them.</summary>
    internal static unsafe int With(IEnumerable<TlsTicketRoot> roots, Func<IntPtr, nuint, int> call)
    {
        TlsTicketRoot[] all = roots.ToArray();
        var pinned = new List<GCHandle>(all.Length);
        var native = new NativeTicketRoot[all.Length];
        try
        {
            for (int index = 0; index < all.Length; index++)
            {
                GCHandle secret = GCHandle.Alloc(all[index].Secret, GCHandleType.Pinned);
                pinned.Add(secret);
                native[index] = new NativeTicketRoot
                {
                    Secret = (byte*)secret.AddrOfPinnedObject(),
                    SecretLen = (nuint)all[index].Secret.Length,
                    SealFrom = all[index].SealFrom.ToUnixTimeSeconds(),
                    OpenUntil = all[index].OpenUntil?.ToUnixTimeSeconds() ?? long.MaxValue,
                };
            }
            fixed (NativeTicketRoot* first = native)
            {
                return call((IntPtr)first, (nuint)native.Length);
            }
        }
        finally
        {
            pinned.ForEach(secret => secret.Free());
        }
    }
}
