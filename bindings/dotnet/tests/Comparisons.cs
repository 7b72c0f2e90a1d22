using System;
using System.Reflection;
using System.Security.Authentication;
using System.Threading.Tasks;

/// <summary>The comparison itself: what it must not overlook.</summary>
static class Comparisons
{
    static void OneDiffers(Scene scene) => scene.Note("ours", scene.ClientIsOurs);

    static Task Unlisted(Scene scene)
    {
        OneDiffers(scene);
        return Task.CompletedTask;
    }

    [Differs("ours", "of the test")]
    static Task Listed(Scene scene) => Unlisted(scene);

    [Differs("ours", "of the test", Only = SslProtocols.Tls12)]
    static Task ListedForTls12(Scene scene) => Unlisted(scene);

    [Differs("ours", "of the test")]
    [Differs("another", "of the test")]
    static Task ListedTooMuch(Scene scene)
    {
        scene.Note("another", "the same");
        return Unlisted(scene);
    }

    [Differs("ours", "of the test", ByClient = true)]
    static Task ServerDiffers(Scene scene)
    {
        scene.Note("ours", scene.ServerIsOurs);
        return Task.CompletedTask;
    }

    /// <summary>Noted by one type alone.</summary>
    static Task OnlyOursNotes(Scene scene)
    {
        scene.Note("both", "the same");
        if (scene.ClientIsOurs)
        {
            scene.Note("more", "something");
        }
        return Task.CompletedTask;
    }

    static Task OnlyOursThrows(Scene scene)
    {
        scene.Note("both", "the same");
        return scene.ClientIsOurs ? throw new TimeZoneNotFoundException() : Task.CompletedTask;
    }

    static Task NotesNothing(Scene scene) => Task.CompletedTask;

    static Task Compare(string name, SslProtocols protocol = SslProtocols.Tls13) => Differential.Compare(
        typeof(Comparisons).GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic)!, new ScenarioAttribute(), protocol);

    [Test]
    static async Task A_difference_that_is_not_listed_fails()
    {
        await Check.Throws<Complaint>(() => Compare(nameof(Unlisted)), "a difference");
        await Check.Throws<Complaint>(() => Compare(nameof(ListedForTls12)), "a difference that is listed for another version");
        await Check.Throws<Complaint>(() => Compare(nameof(OnlyOursNotes)), "an observation more");
        await Check.Throws<Complaint>(() => Compare(nameof(OnlyOursThrows)), "an exception");
        await Check.Throws<Complaint>(() => Compare(nameof(ServerDiffers)), "a server's difference that is listed for clients");
        await Compare(nameof(Listed));
        await Compare(nameof(ListedForTls12), SslProtocols.Tls12);
    }

    [Test]
    static async Task What_is_listed_and_does_not_differ_fails()
    {
        await Check.Throws<Complaint>(() => Compare(nameof(ListedTooMuch)), "a difference that is none");
        await Check.Throws<Complaint>(() => Compare(nameof(NotesNothing)), "a scenario that sees nothing");
    }
}
