using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

/// <summary>A stream over another one, which remembers how it was used, and hinders.</summary>
sealed class Probe : Stream
{
    readonly Stream _inner;
    readonly object _lock = new();
    readonly List<int> _reads = new();

    internal Probe(Stream inner) => _inner = inner;

    /// <summary>Calls of the other kind fail: only those that block, or only those that return tasks, are allowed.</summary>
    internal bool BlockingOnly { get; set; }

    internal bool AsyncOnly { get; set; }

    /// <summary>At most so many bytes are read at once.</summary>
    internal int Most { get; set; } = int.MaxValue;

    /// <summary>Asynchronous writes wait for it.</summary>
    internal Task WritesWait { get; set; } = Task.CompletedTask;

    internal Exception? ReadsThrow { get; set; }

    internal Exception? WritesThrow { get; set; }

    internal int Writes { get; private set; }

    internal bool IsDisposed { get; private set; }

    internal bool IsDisposedAsync { get; private set; }

    /// <summary>How much the last read, or the one that is pending, has room for.</summary>
    internal int LastRead
    {
        get
        {
            lock (_lock)
            {
                return _reads.LastOrDefault(-1);
            }
        }
    }

    /// <summary>How much the first read since <see cref="Forget"/> had room for.</summary>
    internal int FirstRead
    {
        get
        {
            lock (_lock)
            {
                return _reads.FirstOrDefault(-1);
            }
        }
    }

    internal void Forget()
    {
        lock (_lock)
        {
            _reads.Clear();
        }
    }

    int Before(bool blocking, int room)
    {
        if (blocking ? AsyncOnly : BlockingOnly)
        {
            throw new NotSupportedException(blocking ? "a blocking call" : "an asynchronous call");
        }
        lock (_lock)
        {
            _reads.Add(room);
        }
        return ReadsThrow != null ? throw ReadsThrow : Math.Min(room, Most);
    }

    void BeforeWrite(bool blocking)
    {
        if (blocking ? AsyncOnly : BlockingOnly)
        {
            throw new NotSupportedException(blocking ? "a blocking call" : "an asynchronous call");
        }
        Writes++;
        if (WritesThrow != null)
        {
            throw WritesThrow;
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => _inner.Read(buffer, offset, Before(true, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _inner.ReadAsync(buffer.Slice(0, Before(false, buffer.Length)), cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(byte[] buffer, int offset, int count)
    {
        BeforeWrite(true);
        _inner.Write(buffer, offset, count);
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        BeforeWrite(false);
        await WritesWait.WaitAsync(cancellationToken);
        await _inner.WriteAsync(buffer, cancellationToken);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush() => _inner.Flush();
    public override Task FlushAsync(CancellationToken cancellationToken) => _inner.FlushAsync(cancellationToken);
    public override bool CanRead => true;
    public override bool CanWrite => true;
    public override bool CanSeek => false;
    public override bool CanTimeout => _inner.CanTimeout;
    public override int ReadTimeout { get => _inner.ReadTimeout; set => _inner.ReadTimeout = value; }
    public override int WriteTimeout { get => _inner.WriteTimeout; set => _inner.WriteTimeout = value; }
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        IsDisposed = true;
        _inner.Dispose();
    }

    public override ValueTask DisposeAsync()
    {
        IsDisposedAsync = true;
        return _inner.DisposeAsync();
    }
}
