using System;
using System.IO;
using System.Threading;
using System.Threading.Tasks;

namespace SpanTls;

/// <summary>How a <see cref="TlsStream"/> uses its inner stream: the same code serves calls that return tasks and calls that
/// block.</summary>
internal interface ITransport
{
    /// <summary>The token of the call; none where it blocks.</summary>
    CancellationToken Cancellation { get; }

    ValueTask<int> ReadAsync(byte[] buffer, int offset, int count);

    ValueTask WriteAsync(byte[] buffer, int offset, int count);

    ValueTask FlushAsync();

    /// <summary>Enters a semaphore.</summary>
    ValueTask EnterAsync(SemaphoreSlim semaphore);

    /// <summary>Computes, or lets the host decide.</summary>
    ValueTask RunAsync(Func<Task> work);
}

/// <summary>For calls that return tasks. What takes its time runs on the thread pool.</summary>
internal readonly struct AsyncTransport : ITransport
{
    private readonly Stream _stream;

    internal AsyncTransport(Stream stream, CancellationToken cancellation)
    {
        _stream = stream;
        Cancellation = cancellation;
    }

    public CancellationToken Cancellation { get; }

    public ValueTask<int> ReadAsync(byte[] buffer, int offset, int count) =>
        _stream.ReadAsync(buffer.AsMemory(offset, count), Cancellation);

    public ValueTask WriteAsync(byte[] buffer, int offset, int count) =>
        _stream.WriteAsync(buffer.AsMemory(offset, count), Cancellation);

    public ValueTask FlushAsync() => new(_stream.FlushAsync(Cancellation));

    public ValueTask EnterAsync(SemaphoreSlim semaphore) => new(semaphore.WaitAsync(Cancellation));

    public ValueTask RunAsync(Func<Task> work) => new(Task.Run(work, Cancellation));
}

/// <summary>For calls that block: every task is complete when it is returned. Only synchronous calls of the inner stream are
/// used, so that its time-outs hold and no thread of the pool is needed.</summary>
internal readonly struct BlockingTransport : ITransport
{
    private readonly Stream _stream;

    internal BlockingTransport(Stream stream) => _stream = stream;

    public CancellationToken Cancellation => CancellationToken.None;

    public ValueTask<int> ReadAsync(byte[] buffer, int offset, int count) => new(_stream.Read(buffer, offset, count));

    public ValueTask WriteAsync(byte[] buffer, int offset, int count)
    {
        _stream.Write(buffer, offset, count);
        return default;
    }

    public ValueTask FlushAsync()
    {
        _stream.Flush();
        return default;
    }

    public ValueTask EnterAsync(SemaphoreSlim semaphore)
    {
        semaphore.Wait();
        return default;
    }

    public ValueTask RunAsync(Func<Task> work)
    {
        work().GetAwaiter().GetResult();
        return default;
    }
}
