/* Botan, as a peer: see README.md. */

#include "frame.h"

#include <botan/auto_rng.h>
#include <botan/certstor.h>
#include <botan/credentials_manager.h>
#include <botan/data_src.h>
#include <botan/pkcs8.h>
#include <botan/tls.h>
#include <botan/tls_session_manager_memory.h>
#include <botan/version.h>
#include <botan/x509cert.h>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

using namespace Botan;

namespace {

bool is_old() {
    return strcmp(settings.version, "1.2") == 0;
}

class Policy : public TLS::Policy {
public:
    Policy() {
        static const group known[] = {{"X25519", int(TLS::Group_Params_Code::X25519)},
                                      {"P-256", int(TLS::Group_Params_Code::SECP256R1)},
                                      {"P-384", int(TLS::Group_Params_Code::SECP384R1)},
                                      {"X25519MLKEM768", int(TLS::Group_Params_Code::HYBRID_X25519_ML_KEM_768)},
                                      {nullptr, 0}};
        int numbers[4];
        size_t count = settings.groups ? groups_here(known, numbers, 4) : 0;
        for (size_t i = 0; i < count; i++) groups.emplace_back(static_cast<TLS::Group_Params_Code>(numbers[i]));
    }

    bool allow_tls12() const override { return is_old(); }
    bool allow_tls13() const override { return !is_old(); }
    bool require_cert_revocation_info() const override { return false; }
    bool require_client_certificate_authentication() const override { return settings.ask; }
    std::vector<TLS::Group_Params> key_exchange_groups() const override {
        return groups.empty() ? TLS::Policy::key_exchange_groups() : groups;
    }

private:
    std::vector<TLS::Group_Params> groups;
};

class Credentials : public Credentials_Manager {
public:
    Credentials() {
        if (settings.ca) anchors.add_certificate(X509_Certificate(settings.ca));
        if (!settings.cert) return;
        DataSource_Stream text(settings.cert);
        while (!text.end_of_data()) try {
                chain.emplace_back(text);
            } catch (const Exception &) {
                break; // nothing but the end of the file is after the last
            }
        DataSource_Stream key_text(settings.key);
        key = PKCS8::load_key(key_text);
    }

    std::vector<Certificate_Store *> trusted_certificate_authorities(const std::string &, const std::string &) override {
        return {&anchors};
    }
    std::vector<X509_Certificate> cert_chain(const std::vector<std::string> &, const std::vector<AlgorithmIdentifier> &,
                                             const std::string &, const std::string &) override {
        return chain;
    }
    std::vector<X509_Certificate> find_cert_chain(const std::vector<std::string> &, const std::vector<AlgorithmIdentifier> &,
                                                  const std::vector<X509_DN> &, const std::string &, const std::string &) override {
        return chain;
    }
    std::shared_ptr<Private_Key> private_key_for(const X509_Certificate &, const std::string &, const std::string &) override {
        return key;
    }

private:
    Certificate_Store_In_Memory anchors;
    std::vector<X509_Certificate> chain;
    std::shared_ptr<Private_Key> key;
};

class Callbacks : public TLS::Callbacks {
public:
    explicit Callbacks(int connection) : transport(connection) {}

    void tls_emit_data(std::span<const uint8_t> data) override {
        while (!data.empty()) {
            ssize_t count = send(transport, data.data(), data.size(), MSG_NOSIGNAL);
            if (count <= 0) return; // reading tells more
            data = data.subspan(size_t(count));
        }
    }
    void tls_record_received(uint64_t, std::span<const uint8_t> data) override {
        inbox.insert(inbox.end(), data.begin(), data.end());
    }
    void tls_alert(TLS::Alert heard) override {
        if (heard.type() == TLS::AlertType::CloseNotify) closed = true;
        else alert = int(heard.type());
    }
    bool tls_peer_closed_connection() override { return false; }
    /* The default would also look for the client's name for us in the client's certificate. */
    void tls_verify_cert_chain(const std::vector<X509_Certificate> &chain, const std::vector<std::optional<OCSP::Response>> &staples,
                               const std::vector<Certificate_Store *> &roots, Usage_Type usage, std::string_view name,
                               const TLS::Policy &by) override {
        TLS::Callbacks::tls_verify_cert_chain(chain, staples, roots, usage, settings.server ? std::string_view() : name, by);
    }
    void tls_session_activated() override { activated = true; }
    void tls_session_established(const TLS::Session_Summary &facts) override { resumed = facts.was_resumption(); }
    std::string tls_server_choose_app_protocol(const std::vector<std::string> &offered) override {
        for (const auto &name : offered)
            if (name == settings.alpn) return name;
        throw TLS::TLS_Exception(TLS::AlertType::NoApplicationProtocol, "no application protocol in common");
    }

    int transport, alert = -1;
    bool activated = false, closed = false, resumed = false;
    std::vector<uint8_t> inbox;
};

std::shared_ptr<AutoSeeded_RNG> random_numbers;
std::shared_ptr<TLS::Session_Manager> sessions;
std::shared_ptr<Policy> policy;
std::shared_ptr<Credentials> credentials;
std::shared_ptr<Callbacks> callbacks;
std::unique_ptr<TLS::Channel> channel;

/* False at the end of the transport. */
bool receive() {
    uint8_t data[16384];
    ssize_t count = recv(callbacks->transport, data, sizeof data, 0);
    if (count <= 0) return false;
    channel->received_data(data, size_t(count));
    return true;
}

template <typename Step> bool works(Step step) {
    try {
        step();
    } catch (const std::exception &error) {
        failed(callbacks->alert, "%s", error.what());
        return false;
    }
    return true;
}

std::vector<std::string> names_of(const char *list) {
    std::vector<std::string> names;
    std::string copy = list ? list : "";
    char *rest = copy.data();
    while (char *name = next_name(&rest)) names.emplace_back(name);
    return names;
}

} // namespace

const char *library_version(void) {
    return short_version_cstr();
}

void prepare(void) {
    random_numbers = std::make_shared<AutoSeeded_RNG>();
    sessions = std::make_shared<TLS::Session_Manager_In_Memory>(random_numbers);
    policy = std::make_shared<Policy>();
    credentials = std::make_shared<Credentials>();
}

bool handshake(int socket, bool) {
    callbacks = std::make_shared<Callbacks>(socket);
    if (!works([&] {
            if (settings.server) {
                channel = std::make_unique<TLS::Server>(callbacks, sessions, credentials, policy, random_numbers);
            } else {
                TLS::Server_Information server(settings.name, uint16_t(settings.port));
                auto version = is_old() ? TLS::Protocol_Version::TLS_V12 : TLS::Protocol_Version::TLS_V13;
                channel = std::make_unique<TLS::Client>(callbacks, sessions, credentials, policy, random_numbers, server, version,
                                                        names_of(settings.alpn));
            }
            while (!callbacks->activated)
                if (callbacks->alert >= 0) throw Invalid_State("an alert came");
                else if (!receive()) throw Invalid_State("the transport has ended");
        }))
        return false;
    std::string alpn = channel->application_protocol();
    connected(callbacks->resumed, alpn.data(), alpn.size());
    return true;
}

long read_some(unsigned char *room, size_t length) {
    auto &inbox = callbacks->inbox;
    bool ended = false;
    if (!works([&] {
            while (inbox.empty() && !callbacks->closed && !ended) {
                if (callbacks->alert >= 0) throw Invalid_State("an alert came");
                ended = !receive();
            }
        }))
        return READ_FAILED;
    if (inbox.empty()) return callbacks->closed ? READ_CLOSED : READ_TRUNCATED;
    size_t count = std::min(length, inbox.size());
    memcpy(room, inbox.data(), count);
    inbox.erase(inbox.begin(), inbox.begin() + long(count));
    return long(count);
}

bool write_all(const unsigned char *data, size_t length) {
    return works([&] { channel->send(data, length); });
}

bool update_keys(void) {
    return works([] { channel->update_traffic_keys(true); });
}

void send_close(void) {
    works([] { channel->close(); });
}

void release(void) {
    channel.reset();
}
