using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Sockets;
using SpanTls;

/// <summary>A session over a blocking socket, its bytes moved here, at most `chunk` in a call.</summary>
class SpanWire
{
    protected readonly Socket Socket;
    protected readonly int Chunk;
    List<byte> _inbox = new();
    bool _ended;

    internal SpanWire(TlsSession session, Socket socket, int chunk)
    {
        Session = session;
        Socket = socket;
        Chunk = chunk;
    }

    internal TlsSession Session { get; }

    void Send(byte[] data, int count)
    {
        try
        {
            for (int sent = 0; sent < count;)
            {
                sent += Socket.Send(data, sent, count - sent, SocketFlags.None);
            }
        }
        catch (SocketException)
        {
            // Reading tells more.
        }
    }

    void Receive()
    {
        if (!_ended)
        {
            byte[] room = new byte[Math.Min(Chunk, 65536)];
            int count = 0;
            try
            {
                count = Socket.Receive(room);
            }
            catch (SocketException)
            {
                // The same as an end.
            }
            _inbox.AddRange(room.Take(count));
            _ended = count == 0;
        }
        if (_ended)
        {
            Session.EndOfInput();
        }
    }

    void Drain()
    {
        byte[] room = new byte[4096];
        TlsOperationStatus status;
        do
        {
            status = Session.DrainPendingOutput(room, out int written);
            Send(room, written);
        }
        while (status == TlsOperationStatus.WantWrite);
    }

    delegate TlsOperationStatus Call(ReadOnlySpan<byte> input, Span<byte> output, out int consumed, out int written);

    TlsOperationStatus Step(Call call, byte[] room, out int written)
    {
        TlsOperationStatus status = call(_inbox.ToArray(), room, out int consumed, out written);
        _inbox.RemoveRange(0, consumed);
        return status;
    }

    internal virtual TlsOperationStatus Handshake()
    {
        byte[] room = new byte[Math.Min(Chunk, 20000)];
        while (true)
        {
            TlsOperationStatus status = Step(Session.ProcessHandshake, room, out int written);
            Send(room, written);
            if (status == TlsOperationStatus.WantRead)
            {
                Receive();
            }
            else if (status != TlsOperationStatus.WantWrite)
            {
                return status;
            }
        }
    }

    internal virtual TlsOperationStatus Read(int most, out byte[] data)
    {
        byte[] room = new byte[Math.Min(most, Chunk)];
        while (true)
        {
            TlsOperationStatus status = Step(Session.Decrypt, room, out int written);
            if (Session.HasPendingOutput)
            {
                Drain();
            }
            data = room.AsSpan(0, written).ToArray();
            if (written > 0)
            {
                return TlsOperationStatus.Complete;
            }
            if (status == TlsOperationStatus.WantRead)
            {
                Receive();
            }
            else if (status is not (TlsOperationStatus.Complete or TlsOperationStatus.WantWrite))
            {
                return status;
            }
        }
    }

    internal virtual void Write(byte[] data)
    {
        byte[] room = new byte[Math.Max(64, Math.Min(Chunk, 20000))];
        int done = 0;
        TlsOperationStatus status;
        do
        {
            status = Session.Encrypt(data.AsSpan(done), room, out int consumed, out int written);
            Send(room, written);
            done += consumed;
        }
        while (status != TlsOperationStatus.Complete || done < data.Length);
    }

    delegate TlsOperationStatus Emission(Span<byte> output, out int written);

    void Emit(Emission call)
    {
        byte[] room = new byte[1000];
        TlsOperationStatus status;
        do
        {
            status = call(room, out int written);
            Send(room, written);
        }
        while (status == TlsOperationStatus.WantWrite);
    }

    internal virtual void Close() => Emit(Session.Shutdown);

    internal virtual void RequestCertificate() => Emit(Session.RequestClientCertificate);

    internal virtual void UpdateKeys() =>
        Emit((Span<byte> output, out int written) => Session.UpdateKeys(true, output, out written));

    /// <summary>Waits for the peer's end: a reset would overtake an alert.</summary>
    internal void Linger()
    {
        try
        {
            Socket.Shutdown(SocketShutdown.Send);
            byte[] room = new byte[65536];
            while (Socket.Receive(room) > 0)
            {
            }
        }
        catch (SocketException)
        {
            // The peer is gone already.
        }
        Session.Dispose();
        Socket.Dispose();
    }
}

/// <summary>The session moves them.</summary>
sealed class BoundWire : SpanWire
{
    internal BoundWire(TlsSession session, Socket socket, int chunk) : base(session, socket, chunk) { }

    void Finish()
    {
        try
        {
            Session.Close();
        }
        catch (Exception exception) when (exception is InvalidOperationException || TlsException.Of(exception) != null)
        {
            // The failure is told.
        }
    }

    internal override TlsOperationStatus Handshake()
    {
        try
        {
            return Session.Handshake();
        }
        catch (Exception failure) when (TlsException.Of(failure) != null)
        {
            Finish();
            throw;
        }
    }

    internal override TlsOperationStatus Read(int most, out byte[] data)
    {
        byte[] room = new byte[Math.Min(most, Chunk)];
        int count;
        TlsOperationStatus status;
        try
        {
            status = Session.Read(room, out count);
        }
        catch (Exception failure) when (TlsException.Of(failure)?.Error is TlsError.ProtocolError or TlsError.PeerAlert or TlsError.AuthenticationFailed)
        {
            Finish();
            throw;
        }
        if (Session.HasPendingOutput)
        {
            // In TLS 1.2 nothing is written behind the peer's end, and the answer is ours.
            if ((Session.State & TlsSessionStates.PeerClosed) != 0)
            {
                Finish();
            }
            else
            {
                Session.Write(default, out _);
            }
        }
        data = room.AsSpan(0, count).ToArray();
        return status;
    }

    internal override void Write(byte[] data)
    {
        int done = 0;
        while (done < data.Length || Session.HasPendingOutput)
        {
            Session.Write(data.AsSpan(done, Math.Min(Chunk, data.Length - done)), out int taken);
            done += taken;
        }
    }

    internal override void Close() => Session.Close();

    internal override void RequestCertificate() => Session.RequestClientCertificate(default, out _);

    internal override void UpdateKeys() => Session.UpdateKeys(true, default, out _);
}
