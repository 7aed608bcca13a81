// SPDX-License-Identifier: Apache-2.0
#include "pkg/http/tls_context.h"

#include <ctime>
#include <string>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "pkg/http/certificate.h"
#include "pkg/http/ignore_error.h"

namespace salve::http {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

Status TlsError(std::string_view what, const error_code& error) {
  return InvalidArgumentError("TLS: " + std::string(what) + ": " + error.message());
}

int SelectHttp11(SSL*, const unsigned char** out, unsigned char* out_length,
                 const unsigned char* in, unsigned int in_length, void*) {
  static constexpr unsigned char kOffer[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, kOffer, sizeof(kOffer) - 1, in, in_length) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

Status UseCertificate(ssl::context& context, const std::string& chain, const std::string& key) {
  error_code error;
  // A key that is encrypted is refused: nobody is there to be asked for the password.
  Ignore(context.set_password_callback(
      [](std::size_t, ssl::context::password_purpose) { return std::string(); }, error));
  if (context.use_certificate_chain(boost::asio::buffer(chain), error)) {
    return TlsError("the certificate chain is not usable PEM", error);
  }
  const Status foreign =
      InvalidArgumentError("TLS: the private key does not belong to the certificate");
  if (context.use_private_key(boost::asio::buffer(key), ssl::context::pem, error)) {
    const bool mismatch =
        ERR_GET_REASON(static_cast<unsigned long>(error.value())) == X509_R_KEY_VALUES_MISMATCH;
    return mismatch ? foreign : TlsError("the private key is not usable PEM", error);
  }
  // A key of another kind than the certificate's is only noticed here.
  if (SSL_CTX_check_private_key(context.native_handle()) != 1) {
    ERR_clear_error();
    return foreign;
  }
  return {};
}

struct FreeOpenSsl {
  void operator()(BIO* p) const { BIO_free_all(p); }
  void operator()(X509* p) const { X509_free(p); }
};

}  // namespace

StatusOr<WallTime> CertificateExpiry(const std::string& certificate_chain_pem) {
  const std::unique_ptr<BIO, FreeOpenSsl> bio(BIO_new_mem_buf(
      certificate_chain_pem.data(), static_cast<int>(certificate_chain_pem.size())));
  const std::unique_ptr<X509, FreeOpenSsl> certificate(
      bio == nullptr ? nullptr : PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  std::tm end{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1) {
    ERR_clear_error();
    return InvalidArgumentError("TLS: the certificate chain is not usable PEM");
  }
  return WallTime(std::chrono::seconds(timegm(&end)));
}

StatusOr<std::shared_ptr<ssl::context>> MakeServerTls(const ServerOptions& options) {
  if (options.certificate_chain_pem.empty() && options.private_key_pem.empty()) {
    return std::shared_ptr<ssl::context>();
  }
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // An idle connection keeps no read and write buffers, and there is no session cache to fill.
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(native, SelectHttp11, nullptr);
  SALVE_RETURN_IF_ERROR(
      UseCertificate(*context, options.certificate_chain_pem, options.private_key_pem));
  return context;
}

Status ConfigureClientTls(const TlsOptions& options, ssl::context& context) {
  error_code error;
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  if (options.ca_pem.empty()) {
    if (context.set_default_verify_paths(error)) {
      return TlsError("the system's root certificates cannot be read", error);
    }
  } else {
    // Only the given ones count, whatever the context trusted before.
    SSL_CTX_set_cert_store(context.native_handle(), X509_STORE_new());
    if (context.add_certificate_authority(boost::asio::buffer(options.ca_pem), error)) {
      return TlsError("the CA bundle is not usable PEM", error);
    }
  }
  if (options.certificate_pem.empty() && options.private_key_pem.empty()) return {};
  return UseCertificate(context, options.certificate_pem, options.private_key_pem);
}

namespace {

bool IsIpAddress(const std::string& name) {
  error_code not_ip;
  boost::asio::ip::make_address(name, not_ip);
  return !not_ip;
}

// A slot of our own: Asio deletes whatever stands in the application's.
int PeerIndex() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int AcceptVerdict(int verdict, X509_STORE_CTX*) { return verdict; }

// In the place of the whole chain verification, so that no callback of whoever owns the session can
// weaken it.
int VerifyPeer(X509_STORE_CTX* store, void* arg) {
  auto& peer = *static_cast<TlsPeer*>(arg);
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(store);
  X509_STORE_CTX_set_verify_cb(store, AcceptVerdict);
  int ok = 1;
  if (IsIpAddress(peer.name)) {
    ok = X509_VERIFY_PARAM_set1_ip_asc(param, peer.name.c_str());
  } else {
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    ok = X509_VERIFY_PARAM_set1_host(param, peer.name.c_str(), peer.name.size());
  }
  if (ok == 1 && X509_verify_cert(store) == 1) return 1;
  MutexLock lock(peer.mu);
  peer.last_error = X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
  return 0;
}

}  // namespace

void BindClientTls(const std::shared_ptr<TlsPeer>& peer, ssl::context& context) {
  SSL_CTX* native = context.native_handle();
  SSL_CTX_set_cert_verify_callback(native, VerifyPeer, peer.get());
  SSL_CTX_set_ex_data(native, PeerIndex(), peer.get());
  // The only hook before the first message for somebody who does not own the session.
  SSL_CTX_set_info_callback(native, [](const SSL* session, int where, int) {
    if ((where & SSL_CB_HANDSHAKE_START) == 0) return;
    const auto* bound =
        static_cast<const TlsPeer*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), PeerIndex()));
    if (bound == nullptr || IsIpAddress(bound->name)) return;
    // OpenSSL hands its own mutable session out as const here.
    SSL_set_tlsext_host_name(const_cast<SSL*>(session),  // NOLINT
                             bound->name.c_str());
  });
}

}  // namespace salve::http
