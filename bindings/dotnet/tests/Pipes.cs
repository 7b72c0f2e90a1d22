using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;

/// <summary>Two streams joined in memory.</summary>
sealed class Pipes : Stream
{
    readonly ChannelReader<byte[]> _from;
    readonly ChannelWriter<byte[]> _to;
    byte[] _front = Array.Empty<byte>();
    int _at;

    Pipes(ChannelReader<byte[]> from, ChannelWriter<byte[]> to)
    {
        _from = from;
        _to = to;
    }

    internal static (Pipes, Pipes) Pair()
    {
        var options = new BoundedChannelOptions(8) { SingleReader = true };
        Channel<byte[]> up = Channel.CreateBounded<byte[]>(options), down = Channel.CreateBounded<byte[]>(options);
        return (new Pipes(up, down), new Pipes(down, up));
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (_at == _front.Length)
        {
            if (!await _from.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            {
                return 0;
            }
            if (_from.TryRead(out byte[]? next))
            {
                _front = next;
                _at = 0;
            }
        }
        int count = Math.Min(buffer.Length, _front.Length - _at);
        _front.AsSpan(_at, count).CopyTo(buffer.Span);
        _at += count;
        return count;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        buffer.IsEmpty ? default : _to.WriteAsync(buffer.ToArray(), cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer, offset, count, default).GetAwaiter().GetResult();
    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer, offset, count, default).GetAwaiter().GetResult();
    public override void Flush() { }
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public override bool CanRead => true;
    public override bool CanWrite => true;
    public override bool CanSeek => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    protected override void Dispose(bool disposing) => _to.TryComplete();
}
