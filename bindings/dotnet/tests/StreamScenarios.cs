using System;
using System.Threading.Tasks;

/// <summary>What streams do, beside SslStream.</summary>
static class StreamScenarios
{
    [Scenario]
    static async Task What_is_written_is_read(Scene scene)
    {
        await scene.Handshake();
        await scene.Client.WriteAsync(AgainstSslStream.Ping);
        byte[] room = new byte[4];
        await scene.Server.ReadExactlyAsync(room);
        scene.Note("read", Convert.ToHexString(room));
    }
}
