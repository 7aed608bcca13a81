// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_NOTIFY_EMAIL_SINK_H_
#define SALVE_PKG_NOTIFY_EMAIL_SINK_H_

#include <string>

#include "pkg/notify/sink.h"

namespace salve::notify {

// Hands mail to a relay by SMTP (libcurl). With start_tls nothing is said before TLS is up and the
// relay's certificate is for its name; a password is never sent otherwise. Trusted are the system's
// roots, or those of the file that SSL_CERT_FILE names.
class EmailSink final : public Sink {
 public:
  // `environment` outlives it.
  EmailSink(apis::config::v1alpha1::EmailSink configuration, const SinkEnvironment& environment)
      : configuration_(std::move(configuration)), environment_(environment) {}
  StatusOr<std::string> Send(const healing::Message& message, const SendContext& context) override;

 private:
  const apis::config::v1alpha1::EmailSink configuration_;
  const SinkEnvironment& environment_;
};

}  // namespace salve::notify

#endif  // SALVE_PKG_NOTIFY_EMAIL_SINK_H_
