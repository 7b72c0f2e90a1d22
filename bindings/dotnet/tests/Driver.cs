// Drives a session over a stream by hand, as a host of the span functions does.

using System;
using System.IO;
using System.Threading.Tasks;
using SpanTls;

sealed class Driver : IDisposable
{
    readonly Stream _stream;
    readonly byte[] _output = new byte[20000];
    byte[] _input = new byte[40000];
    int _end;

    internal Driver(TlsContext context, Stream stream, string? name = null)
    {
        Session = TlsSession.Create(context);
        _stream = stream;
        if (name != null)
        {
            Session.TargetHostName = name;
        }
    }

    internal TlsSession Session { get; }

    /// <summary>How often each question was asked, by its number.</summary>
    internal int[] Asked { get; } = new int[20];

    /// <summary>What answers a verdict; by default the default validation.</summary>
    internal Action<TlsSession> Judge { get; set; } = session => session.AcceptWithDefaultValidation();

    /// <summary>What answers the other questions.</summary>
    internal Action<TlsSession, TlsOperationStatus> Answer { get; set; } =
        (_, status) => throw new Complaint($"unexpected: {status}");

    async Task Send(int count)
    {
        await _stream.WriteAsync(_output.AsMemory(0, count));
    }

    void Drop(int count)
    {
        Buffer.BlockCopy(_input, count, _input, 0, _end - count);
        _end -= count;
    }

    async Task<bool> Receive()
    {
        int count = await _stream.ReadAsync(_input.AsMemory(_end));
        _end += count;
        return count > 0;
    }

    internal async Task Handshake()
    {
        while (true)
        {
            // No handler: what a call has written is sent when it returns, and a host needs nothing else for alerts to arrive.
            TlsOperationStatus status = Session.ProcessHandshake(_input.AsSpan(0, _end), _output, out int consumed, out int written);
            Drop(consumed);
            await Send(written);
            switch (status)
            {
                case TlsOperationStatus.Complete:
                    return;
                case TlsOperationStatus.WantWrite:
                    break;
                case TlsOperationStatus.WantRead:
                    if (!await Receive())
                    {
                        Session.EndOfInput();
                    }
                    break;
                case TlsOperationStatus.NeedsCertificateValidation:
                    Asked[(int)status]++;
                    Judge(Session);
                    break;
                default:
                    Asked[(int)status]++;
                    Answer(Session, status);
                    break;
            }
        }
    }

    internal async Task Write(byte[] data)
    {
        int done = 0;
        while (done < data.Length)
        {
            Session.Encrypt(data.AsSpan(done), _output, out int consumed, out int written);
            done += consumed;
            await Send(written);
        }
    }

    /// <summary>Reads so many bytes, or to the end.</summary>
    internal async Task<byte[]> Read(int most)
    {
        var all = new MemoryStream();
        var room = new byte[20000];
        while (all.Length < most)
        {
            TlsOperationStatus status = Session.Decrypt(_input.AsSpan(0, _end), room, out int consumed, out int written);
            Drop(consumed);
            all.Write(room, 0, written);
            if (Session.HasPendingOutput)
            {
                Session.DrainPendingOutput(_output, out written);
                await Send(written);
            }
            if (status == TlsOperationStatus.Closed)
            {
                break;
            }
            if (status == TlsOperationStatus.NeedsCertificateValidation)
            {
                Asked[(int)status]++;
                Judge(Session);
            }
            else if (status == TlsOperationStatus.WantRead && all.Length < most && !await Receive())
            {
                Session.EndOfInput();
            }
        }
        return all.ToArray();
    }

    internal async Task Shutdown()
    {
        Check.Equal(TlsOperationStatus.Closed, Session.Shutdown(_output, out int written), "shutdown");
        await Send(written);
    }

    public void Dispose() => Session.Dispose();
}
