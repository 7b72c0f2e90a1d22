using System;
using System.Threading;

namespace SpanTls;

/// <summary>Admits one operation at a time, and none once it is closed. What the operation owns is released once: by the one who
/// closes, or by the operation that was under way then.</summary>
internal struct Turn
{
    private const int Free = 0, Taken = 1, Closed = 2, ClosedWhileTaken = 3;

    private int _state;

    /// <summary>Fails at once where another operation is under way: two would use the same buffers.</summary>
    internal void Enter(string operation)
    {
        switch (Interlocked.CompareExchange(ref _state, Taken, Free))
        {
            case Free:
                return;
            case Taken:
                throw new NotSupportedException($"another {operation} of this stream is pending");
            default:
                throw new ObjectDisposedException(nameof(TlsStream));
        }
    }

    /// <summary>True: it was closed meanwhile, and the caller releases what the operation owns.</summary>
    internal bool Leave() => Interlocked.CompareExchange(ref _state, Free, Taken) == ClosedWhileTaken;

    /// <summary>True: nothing is under way, and the caller releases what operations own. True once.</summary>
    internal bool Close()
    {
        if (Interlocked.CompareExchange(ref _state, Closed, Free) == Free)
        {
            return true;
        }
        // An operation that leaves in between has made it free.
        return Interlocked.CompareExchange(ref _state, ClosedWhileTaken, Taken) == Free && Close();
    }
}
