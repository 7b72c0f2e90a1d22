using System;
using System.Net.Security;
using System.Reflection;

namespace SpanTls;

/// <summary>Options with the callbacks that a stream was made with. The caller's object is not changed.</summary>
internal static class CallbackOptions
{
    internal static SslClientAuthenticationOptions With(SslClientAuthenticationOptions options,
        RemoteCertificateValidationCallback? validation, LocalCertificateSelectionCallback? selection)
    {
        if (validation == null && selection == null)
        {
            return options;
        }
        SslClientAuthenticationOptions copy = Copy(options);
        copy.RemoteCertificateValidationCallback = One(options.RemoteCertificateValidationCallback, validation);
        copy.LocalCertificateSelectionCallback = One(options.LocalCertificateSelectionCallback, selection);
        return copy;
    }

    internal static SslServerAuthenticationOptions With(
        SslServerAuthenticationOptions options, RemoteCertificateValidationCallback? validation)
    {
        if (validation == null)
        {
            return options;
        }
        SslServerAuthenticationOptions copy = Copy(options);
        copy.RemoteCertificateValidationCallback = One(options.RemoteCertificateValidationCallback, validation);
        return copy;
    }

    private static T? One<T>(T? ofOptions, T? ofStream) where T : Delegate =>
        ofOptions == null || ofStream == null || ReferenceEquals(ofOptions, ofStream) ? ofOptions ?? ofStream :
            throw new InvalidOperationException($"the stream and the options have a {typeof(T).Name} each");

    /// <summary>All properties, those of later frameworks included.</summary>
    private static T Copy<T>(T options) where T : class, new()
    {
        var copy = new T();
        foreach (PropertyInfo property in typeof(T).GetProperties(BindingFlags.Instance | BindingFlags.Public))
        {
            if (property.CanRead && property.CanWrite)
            {
                property.SetValue(copy, property.GetValue(options));
            }
        }
        return copy;
    }
}
