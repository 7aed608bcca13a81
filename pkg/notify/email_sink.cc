// SPDX-License-Identifier: Apache-2.0
#include "pkg/notify/email_sink.h"

#include <array>
#include <cstdlib>
#include <memory>
#include <mutex>

#include <curl/curl.h>

#include "pkg/base/redact.h"
#include "pkg/healing/evidence.h"
#include "pkg/notify/mail.h"

namespace salve::notify {
namespace {

constexpr std::size_t kMaxReply = 512;

struct Free {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Curl = std::unique_ptr<CURL, Free>;
using List = std::unique_ptr<curl_slist, Free>;

struct Upload {
  const std::string* mail = nullptr;
  std::size_t at = 0;
};

// libcurl's callbacks: C functions with its signatures.
std::size_t OnRead(char* to, std::size_t size, std::size_t count, void* user) {
  auto* upload = static_cast<Upload*>(user);
  const std::size_t n = std::min(size * count, upload->mail->size() - upload->at);
  upload->mail->copy(to, n, upload->at);
  upload->at += n;
  return n;
}

// The last line that the relay said, for people.
std::size_t OnReply(char* from, std::size_t size, std::size_t count, void* user) {
  static_cast<std::string*>(user)->assign(from, std::min(size * count, kMaxReply));
  return size * count;
}

std::size_t Discard(char*, std::size_t size, std::size_t count, void*) { return size * count; }

int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(user)->stop_requested() ? 1 : 0;
}

void InitializeOnce() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

Status ToStatus(CURLcode code, long reply, const std::string& message) {
  switch (code) {
    case CURLE_OK:
      return Status::Ok();
    case CURLE_OPERATION_TIMEDOUT:
      return DeadlineExceededError(message);
    case CURLE_ABORTED_BY_CALLBACK:
      return CancelledError(message);
    case CURLE_LOGIN_DENIED:
      return PermissionDeniedError(message);
    default:
      break;
  }
  // The relay's last word about this mail; of anything else an administrator can mend the cause.
  if (reply == 552 || reply == 554) return InvalidArgumentError(message).AsTerminal();
  return UnavailableError(message);
}

template <class Value>
void Set(CURL* curl, CURLoption option, Value value) {
  curl_easy_setopt(curl, option, value);
}

// Whom to speak to, and how safely. libcurl copies what it is given here.
void SetRelay(CURL* curl, const apis::config::v1alpha1::EmailSink& relay,
              const std::string& password) {
  // The path is the name that we greet the relay with.
  Set(curl, CURLOPT_URL, ("smtp://" + relay.server + "/" + DomainOf(relay.from)).c_str());
  Set(curl, CURLOPT_PROTOCOLS_STR, "smtp");
  Set(curl, CURLOPT_NOPROXY, "*");
  Set(curl, CURLOPT_USE_SSL, static_cast<long>(relay.start_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
  Set(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (const char* roots = std::getenv("SSL_CERT_FILE"); roots != nullptr && *roots != '\0') {
    Set(curl, CURLOPT_CAINFO, roots);
  }
  if (relay.user.empty()) return;
  Set(curl, CURLOPT_USERNAME, relay.user.c_str());
  Set(curl, CURLOPT_PASSWORD, password.c_str());
  Set(curl, CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN");
}

// One mail on its way. What libcurl is given points into it: it stays where it is.
class Delivery {
 public:
  Delivery(const apis::config::v1alpha1::EmailSink& relay, std::string mail, std::stop_token stop)
      : relay_(relay),
        mail_(std::move(mail)),
        sender_("<" + relay.from + ">"),
        stop_(std::move(stop)) {
    for (const std::string& one : relay.to) {
      recipients_.reset(curl_slist_append(recipients_.release(), ("<" + one + ">").c_str()));
    }
  }
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  StatusOr<std::string> Run(const std::string& password, std::chrono::milliseconds limit) {
    const Curl curl(curl_easy_init());
    if (curl == nullptr) return UnavailableError("libcurl cannot be used");
    SetRelay(curl.get(), relay_, password);
    SetMail(curl.get());
    Set(curl.get(), CURLOPT_NOSIGNAL, 1L);
    Set(curl.get(), CURLOPT_TIMEOUT_MS,
        static_cast<long>(std::min<std::int64_t>(limit.count(), 60'000)));
    const CURLcode code = curl_easy_perform(curl.get());
    long answered = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answered);
    while (!reply_.empty() && (reply_.back() == '\n' || reply_.back() == '\r')) reply_.pop_back();
    const std::string said = healing::SanitizeLine(Redact(reply_), kMaxReply);
    if (code == CURLE_OK) return "taken by " + relay_.server + ": " + said;
    const std::string what = error_[0] != '\0' ? error_.data() : curl_easy_strerror(code);
    return ToStatus(code, answered,
                    relay_.server + ": " + what + (said.empty() ? "" : " (it said: " + said + ")"));
  }

 private:
  void SetMail(CURL* curl) {
    Set(curl, CURLOPT_MAIL_FROM, sender_.c_str());
    Set(curl, CURLOPT_MAIL_RCPT, recipients_.get());
    Set(curl, CURLOPT_UPLOAD, 1L);
    Set(curl, CURLOPT_READFUNCTION, &OnRead);
    Set(curl, CURLOPT_READDATA, &upload_);
    Set(curl, CURLOPT_HEADERFUNCTION, &OnReply);
    Set(curl, CURLOPT_HEADERDATA, &reply_);
    Set(curl, CURLOPT_WRITEFUNCTION, &Discard);
    Set(curl, CURLOPT_NOPROGRESS, 0L);
    Set(curl, CURLOPT_XFERINFOFUNCTION, &OnProgress);
    Set(curl, CURLOPT_XFERINFODATA, &stop_);
    Set(curl, CURLOPT_ERRORBUFFER, error_.data());
  }

  const apis::config::v1alpha1::EmailSink& relay_;
  const std::string mail_;
  const std::string sender_;
  std::stop_token stop_;
  List recipients_;
  Upload upload_{&mail_, 0};
  std::string reply_;
  std::array<char, CURL_ERROR_SIZE> error_{};
};

}  // namespace

StatusOr<std::string> EmailSink::Send(const healing::Message& message, const SendContext& context) {
  InitializeOnce();
  Clock& clock = *environment_.clock;
  std::string password;
  if (!configuration_.user.empty()) {
    SALVE_ASSIGN_OR_RETURN(password, environment_.read_secret(configuration_.password));
  }
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(context.deadline - clock.Monotonic());
  if (left.count() <= 0) return DeadlineExceededError("no time left to hand over the mail");
  Delivery delivery(configuration_,
                    MakeMail(message, configuration_.from, configuration_.to, clock.Now()),
                    context.stop);
  return delivery.Run(password, left);
}

}  // namespace salve::notify
