using System;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

/// <summary>Reads and writes beside SslStream: cancelled, overlapping, empty, large, blocking.</summary>
static class ReadScenarios
{
    static readonly byte[] Ping = AgainstSslStream.Ping, Pong = AgainstSslStream.Pong;

    static async Task<string> Read(Stream stream, int count = 4)
    {
        byte[] room = new byte[count];
        await stream.ReadExactlyAsync(room);
        return Convert.ToHexString(room);
    }

    static byte[] Data(int length)
    {
        byte[] data = new byte[length];
        new Random(length).NextBytes(data);
        return data;
    }

    [Scenario]
    static async Task What_is_written_is_read(Scene scene)
    {
        await scene.Handshake();
        await scene.Client.WriteAsync(Ping);
        scene.Note("server", await Read(scene.Server));
        await scene.Server.WriteAsync(Pong);
        scene.Note("client", await Read(scene.Client));
    }

    [Scenario]
    static async Task A_cancelled_read_loses_nothing(Scene scene)
    {
        await scene.Handshake();
        using var source = new CancellationTokenSource();
        Task<int> reading = scene.Server.ReadAsync(new byte[4], source.Token).AsTask();
        source.Cancel();
        await scene.TryAsync("cancelled", () => reading);
        await scene.Client.WriteAsync(Ping);
        await scene.TryAsync("afterwards", () => Read(scene.Server));
        await scene.Server.WriteAsync(Pong);
        await scene.TryAsync("the other way", () => Read(scene.Client));
    }

    [Scenario]
    static async Task A_read_with_a_token_that_is_cancelled_loses_nothing(Scene scene)
    {
        await scene.Handshake();
        await scene.TryAsync("cancelled", () => scene.Server.ReadAsync(new byte[4], new CancellationToken(true)).AsTask());
        await scene.Client.WriteAsync(Ping);
        await scene.TryAsync("afterwards", () => Read(scene.Server));
    }

    [Scenario]
    static async Task A_second_read_is_refused_and_the_first_continues(Scene scene)
    {
        await scene.Handshake();
        byte[] first = new byte[4], second = new byte[4];
        Task<int> reading = scene.Server.ReadAsync(first).AsTask();
        await scene.TryAsync("second", () => scene.Server.ReadAsync(second).AsTask());
        await scene.TryAsync("third, with an array", () => scene.Server.ReadAsync(second, 0, 4));
        scene.Try("fourth, blocking", () => scene.Server.Read(second, 0, 4));
        scene.Try("fifth, a byte", () => scene.Server.ReadByte());
        scene.Note("the first is pending", !reading.IsCompleted);
        await scene.Client.WriteAsync(Ping);
        await scene.TryAsync("first", () => reading);
        scene.Note("read", Convert.ToHexString(first) + Convert.ToHexString(second));
        await scene.Client.WriteAsync(Pong);
        await scene.TryAsync("another", () => Read(scene.Server));
    }

    [Scenario]
    static async Task A_second_write_is_refused_and_the_first_continues(Scene scene)
    {
        var probe = new Probe(scene.ClientInner);
        scene.ClientInner = probe;
        await scene.Handshake();
        var released = new TaskCompletionSource();
        probe.WritesWait = released.Task;
        Task writing = scene.Client.WriteAsync(Ping).AsTask();
        await scene.TryAsync("second", () => scene.Client.WriteAsync(Pong).AsTask());
        await scene.TryAsync("third, with an array", () => scene.Client.WriteAsync(Pong, 0, 4));
        scene.Try("fourth, blocking", () => scene.Client.Write(Pong, 0, 4));
        scene.Note("the first is pending", !writing.IsCompleted);
        released.SetResult();
        await scene.TryAsync("first", () => writing);
        await scene.TryAsync("another", () => scene.Client.WriteAsync(Pong).AsTask());
        scene.Note("read", await Read(scene.Server, 8));
    }

    [Scenario]
    static async Task A_read_and_a_write_are_pending_together(Scene scene)
    {
        await scene.Handshake();
        Task<string> reading = Read(scene.Client);
        await scene.Client.WriteAsync(Ping);
        scene.Note("the read is pending", !reading.IsCompleted);
        scene.Note("server", await Read(scene.Server));
        await scene.Server.WriteAsync(Pong);
        scene.Note("client", await reading);
    }

    [Scenario]
    static async Task A_read_of_no_bytes_returns_for_data_alone(Scene scene)
    {
        await scene.Handshake();
        Task<int> reading = scene.Server.ReadAsync(Memory<byte>.Empty).AsTask();
        scene.Note("waits", !reading.IsCompleted);
        await scene.Client.WriteAsync(Ping);
        await scene.TryAsync("with data", () => reading);
        await scene.TryAsync("again", () => scene.Server.ReadAsync(Memory<byte>.Empty).AsTask());
        scene.Note("data", await Read(scene.Server));
    }

    [Scenario]
    static async Task A_read_of_no_bytes_returns_at_the_end(Scene scene)
    {
        await scene.Handshake();
        Task<int> reading = scene.Client.ReadAsync(Memory<byte>.Empty).AsTask();
        // In TLS 1.3 the tickets are there by now, and they are no data.
        scene.Note("waits", !reading.IsCompleted);
        await ((dynamic)scene.Server).ShutdownAsync();
        await scene.TryAsync("at the end", () => reading);
        await scene.TryAsync("again", () => scene.Client.ReadAsync(Memory<byte>.Empty).AsTask());
        await scene.TryAsync("with room", () => scene.Client.ReadAsync(new byte[1]).AsTask());
    }

    [Scenario]
    static async Task A_blocking_read_of_no_bytes_returns_for_data(Scene scene)
    {
        await scene.Handshake();
        await scene.Client.WriteAsync(Ping);
        scene.Try("read", () => scene.Server.Read(new byte[4], 2, 0));
        scene.Note("data", await Read(scene.Server));
    }

    [Scenario]
    static async Task A_write_of_no_bytes_does_nothing(Scene scene)
    {
        var probe = new Probe(scene.ClientInner);
        scene.ClientInner = probe;
        await scene.Handshake();
        int before = probe.Writes;
        await scene.TryAsync("written", () => scene.Client.WriteAsync(ReadOnlyMemory<byte>.Empty).AsTask());
        scene.Try("blocking", () => scene.Client.Write(Ping, 4, 0));
        scene.Note("writes of the inner stream", probe.Writes - before);
        await scene.Client.WriteAsync(Ping);
        scene.Note("read", await Read(scene.Server));
    }

    [Scenario]
    static async Task A_waiting_read_holds_no_buffer(Scene scene)
    {
        var probe = new Probe(scene.ServerInner);
        scene.ServerInner = probe;
        await scene.Handshake();
        byte[] room = new byte[4];
        Task<int> reading = scene.Server.ReadAsync(room).AsTask();
        scene.Note("room of the inner read", probe.LastRead);
        await scene.Client.WriteAsync(Ping);
        scene.Note("count", await reading);
        reading = scene.Server.ReadAsync(room).AsTask();
        scene.Note("room of the next one", probe.LastRead);
        await scene.Client.WriteAsync(Pong);
        scene.Note("its count", await reading);
    }

    [Scenario]
    static async Task A_blocking_read_that_waits_holds_no_buffer(Scene scene)
    {
        var probe = new Probe(scene.ServerInner);
        scene.ServerInner = probe;
        await scene.Handshake();
        probe.Forget();
        byte[] room = new byte[4];
        Task<int> reading = Task.Factory.StartNew(() => scene.Server.Read(room, 0, 4), TaskCreationOptions.LongRunning);
        await scene.Client.WriteAsync(Ping);
        scene.Note("count", await reading);
        scene.Note("room of the first inner read", probe.FirstRead);
    }

    [Scenario]
    static async Task Data_arrives_byte_by_byte(Scene scene)
    {
        scene.ServerInner = new Probe(scene.ServerInner) { Most = 1 };
        scene.ClientInner = new Probe(scene.ClientInner) { Most = 1 };
        await scene.Handshake();
        byte[] data = Data(20000);
        Task writing = scene.Client.WriteAsync(data).AsTask();
        scene.Note("server", (await Read(scene.Server, data.Length)) == Convert.ToHexString(data));
        await writing;
    }

    [Scenario]
    static async Task A_read_takes_what_has_arrived(Scene scene)
    {
        await scene.Handshake();
        await scene.Client.WriteAsync(Data(100));
        byte[] room = new byte[60];
        scene.Note("first", await scene.Server.ReadAsync(room));
        scene.Note("second", await scene.Server.ReadAsync(room));
    }

    [Scenario]
    static async Task Lengths_around_that_of_a_record_are_carried(Scene scene)
    {
        await scene.Handshake();
        foreach (int length in new[] { 1, 16383, 16384, 16385, 32768, 32769, 100000 })
        {
            byte[] data = Data(length);
            Task writing = scene.Client.WriteAsync(data).AsTask();
            scene.Note($"{length} bytes", await Read(scene.Server, length) == Convert.ToHexString(data));
            await writing;
        }
    }

    [Scenario]
    static async Task Large_writes_go_both_ways_at_once(Scene scene)
    {
        await scene.Handshake();
        byte[] up = Data(1000000), down = Data(1000001);
        Task writing = Task.WhenAll(scene.Client.WriteAsync(up).AsTask(), scene.Server.WriteAsync(down).AsTask());
        string[] read = await Task.WhenAll(Read(scene.Server, up.Length), Read(scene.Client, down.Length));
        await writing;
        scene.Note("server", read[0] == Convert.ToHexString(up));
        scene.Note("client", read[1] == Convert.ToHexString(down));
    }

    [Scenario]
    static async Task Bytes_are_read_and_written_singly(Scene scene)
    {
        await scene.Handshake();
        foreach (byte one in Ping)
        {
            scene.Client.WriteByte(one);
        }
        await ((dynamic)scene.Client).ShutdownAsync();
        for (int i = 0; i < 6; i++)
        {
            scene.Try($"byte {i}", () => scene.Server.ReadByte());
        }
    }

    [Scenario]
    static async Task Spans_are_read_and_written(Scene scene)
    {
        await scene.Handshake();
        scene.Client.Write(Ping.AsSpan());
        byte[] room = new byte[10];
        scene.Try("count", () => scene.Server.Read(room.AsSpan()));
        scene.Note("read", Convert.ToHexString(room));
    }

    [Scenario]
    static async Task An_array_is_written_whole(Scene scene)
    {
        await scene.Handshake();
        ((dynamic)scene.Client).Write(Ping);
        scene.Note("read", await Read(scene.Server));
        scene.Try("null", () => ((dynamic)scene.Client).Write((byte[])null!));
    }

    [Scenario]
    static async Task Ranges_outside_an_array_are_refused(Scene scene)
    {
        await scene.Handshake();
        byte[] room = new byte[4];
        foreach (var (offset, count) in new[] { (-1, 1), (5, 0), (0, 5), (2, 3), (0, -1), (int.MaxValue, 1) })
        {
            scene.Try($"read {offset} {count}", () => scene.Client.Read(room, offset, count));
            scene.Try($"write {offset} {count}", () => scene.Client.Write(room, offset, count));
            await scene.TryAsync($"async read {offset} {count}", () => scene.Client.ReadAsync(room, offset, count));
            await scene.TryAsync($"async write {offset} {count}", () => scene.Client.WriteAsync(room, offset, count));
        }
        scene.Try("read null", () => scene.Client.Read(null!, 0, 0));
        scene.Try("write null", () => scene.Client.Write(null!, 0, 0));
    }

    [Scenario]
    [Differs("read", "SslStream seals the record and drops it, so that the peer cannot open the next one; here nothing was sealed")]
    static async Task A_write_with_a_token_that_is_cancelled_sends_nothing(Scene scene)
    {
        scene.ClientInner = new Probe(scene.ClientInner);
        await scene.Handshake();
        await scene.TryAsync("cancelled", () => scene.Client.WriteAsync(Ping, new CancellationToken(true)).AsTask());
        await scene.TryAsync("next write", () => scene.Client.WriteAsync(Pong).AsTask());
        await scene.TryAsync("read", () => Read(scene.Server));
    }

    [Scenario]
    [Differs("next write", "SslStream writes a record that the peer cannot open; here the writer is told")]
    static async Task A_write_that_is_cancelled_while_it_is_sent_is_the_last(Scene scene)
    {
        var probe = new Probe(scene.ClientInner);
        scene.ClientInner = probe;
        await scene.Handshake();
        probe.WritesWait = new TaskCompletionSource().Task;
        using var source = new CancellationTokenSource();
        Task writing = scene.Client.WriteAsync(Ping, source.Token).AsTask();
        source.Cancel();
        await scene.TryAsync("cancelled", () => writing);
        probe.WritesWait = Task.CompletedTask;
        await scene.TryAsync("next write", () => scene.Client.WriteAsync(Pong).AsTask());
        Task<int> reading = scene.Client.ReadAsync(new byte[4]).AsTask();
        await scene.Server.WriteAsync(Pong);
        await scene.TryAsync("reading", () => reading);
    }

    [Scenario]
    static async Task Exceptions_of_the_inner_stream_are_those_of_a_stream(Scene scene)
    {
        var probe = new Probe(scene.ClientInner);
        scene.ClientInner = probe;
        await scene.Handshake();
        foreach (Exception thrown in new Exception[] { new IOException("of the test"), new InvalidOperationException("of the test"),
            new ObjectDisposedException("of the test"), new TimeoutException("of the test") })
        {
            probe.ReadsThrow = probe.WritesThrow = thrown;
            await scene.TryAsync($"read, {thrown.GetType().Name}", () => scene.Client.ReadAsync(new byte[4]).AsTask());
            scene.Try($"blocking read, {thrown.GetType().Name}", () => scene.Client.Read(new byte[4], 0, 4));
            await scene.TryAsync($"write, {thrown.GetType().Name}", () => scene.Client.WriteAsync(Ping).AsTask());
        }
    }

    [Scenario]
    static async Task A_read_that_failed_for_the_inner_stream_can_be_repeated(Scene scene)
    {
        var probe = new Probe(scene.ClientInner);
        scene.ClientInner = probe;
        await scene.Handshake();
        probe.ReadsThrow = new IOException("of the test");
        await scene.TryAsync("read", () => scene.Client.ReadAsync(new byte[4]).AsTask());
        probe.ReadsThrow = null;
        await scene.Server.WriteAsync(Pong);
        await scene.TryAsync("afterwards", () => Read(scene.Client));
    }

    static Task OnThread(Action work) => Task.Factory.StartNew(work, TaskCreationOptions.LongRunning);

    [Scenario]
    static async Task A_stream_with_blocking_calls_alone_is_enough(Scene scene)
    {
        scene.ClientInner = new Probe(scene.ClientInner) { BlockingOnly = true };
        scene.ServerInner = new Probe(scene.ServerInner) { BlockingOnly = true };
        dynamic client = scene.Client, server = scene.Server;
        await Task.WhenAll(OnThread(() => scene.Try("client", () => client.AuthenticateAsClient(scene.ClientOptions))),
            OnThread(() => scene.Try("server", () => server.AuthenticateAsServer(scene.ServerOptions))));
        byte[] data = Data(50000), room = new byte[data.Length];
        await Task.WhenAll(OnThread(() => scene.Try("write", () => scene.Client.Write(data, 0, data.Length))),
            OnThread(() => scene.Try("read", () => scene.Server.ReadExactly(room, 0, room.Length))));
        scene.Note("data", data.SequenceEqual(room));
    }

    [Scenario]
    static async Task A_stream_with_asynchronous_calls_alone_is_enough(Scene scene)
    {
        scene.ClientInner = new Probe(scene.ClientInner) { AsyncOnly = true };
        scene.ServerInner = new Probe(scene.ServerInner) { AsyncOnly = true };
        await scene.Handshake();
        await scene.Client.WriteAsync(Ping);
        scene.Note("server", await Read(scene.Server));
        await ((dynamic)scene.Server).ShutdownAsync();
        scene.Note("end", await scene.Client.ReadAsync(new byte[1]));
    }
}
