using System;
using System.Collections;
using System.Collections.Generic;
using System.Net.Security;
using System.Reflection;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace SpanTls;

/// <summary>The values of an options object at one moment. Two are equal when contexts made of them would do the same: values and
/// lists are compared, all other objects (certificates, keys, callbacks) must be the same ones.</summary>
internal sealed class OptionValues : IEquatable<OptionValues>
{
    private readonly List<object?> _values = new();

    internal OptionValues(object options) => Add(options);

    private void Add(object options)
    {
        // In the order of the declaration, which does not change.
        foreach (PropertyInfo property in options.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            if (property.GetIndexParameters().Length > 0)
            {
                continue;
            }
            switch (property.GetValue(options))
            {
                case X509ChainPolicy policy:
                    Add(policy);
                    break;
                case ICollection list:
                    _values.Add(list.Count);
                    foreach (object? item in list)
                    {
                        _values.Add(item is Oid identifier ? identifier.Value : item);
                    }
                    break;
                case { } value:
                    _values.Add(value);
                    break;
                default:
                    _values.Add(null);
                    break;
            }
        }
    }

    public bool Equals(OptionValues? other)
    {
        if (other == null || other._values.Count != _values.Count)
        {
            return false;
        }
        for (int i = 0; i < _values.Count; i++)
        {
            // Certificates call themselves equal by issuer and serial number, which a stranger can choose.
            bool compared = _values[i] is ValueType or string or Delegate;
            if (compared ? !Equals(_values[i], other._values[i]) : !ReferenceEquals(_values[i], other._values[i]))
            {
                return false;
            }
        }
        return true;
    }

    public override bool Equals(object? other) => Equals(other as OptionValues);

    public override int GetHashCode() => _values.Count;

    /// <summary>A copy, independent of later changes of the original.</summary>
    internal static SslServerAuthenticationOptions Copy(SslServerAuthenticationOptions options) =>
        Copied(options, new SslServerAuthenticationOptions());

    private static T Copied<T>(T from, T to) where T : class
    {
        foreach (PropertyInfo property in typeof(T).GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            if (property.CanRead && property.CanWrite)
            {
                property.SetValue(to, property.GetValue(from) switch
                {
                    List<SslApplicationProtocol> list => new List<SslApplicationProtocol>(list),
#if NET8_0_OR_GREATER
                    X509ChainPolicy policy => policy.Clone(),
#endif
                    var value => value,
                });
            }
        }
        return to;
    }
}
