// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_TESTING_FUNCTION_HANDLER_H_
#define SALVE_PKG_HTTP_TESTING_FUNCTION_HANDLER_H_

#include <functional>
#include <memory>
#include <utility>

#include "pkg/http/handler.h"

namespace salve::http {

// A handler made of functions, for tests.
class FunctionHandler final : public Handler {
 public:
  using Handling = std::function<void(Request, std::unique_ptr<ResponseWriter>)>;
  using Admission = std::function<bool(const Request&, Response*)>;

  explicit FunctionHandler(Handling handle, Admission admit = nullptr)
      : handle_(std::move(handle)), admit_(std::move(admit)) {}
  // Answers every request at once with what `answer` returns.
  static FunctionHandler Answering(const std::function<Response(const Request&)>& answer) {
    return FunctionHandler(
        [answer](const Request& request, std::unique_ptr<ResponseWriter> writer) {
          writer->Send(answer(request));
        });
  }

  void Handle(Request request, std::unique_ptr<ResponseWriter> writer) override {
    handle_(std::move(request), std::move(writer));
  }
  bool AdmitHead(const Request& head, Response* refusal) override {
    return !admit_ || admit_(head, refusal);
  }

 private:
  const Handling handle_;
  const Admission admit_;
};

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_TESTING_FUNCTION_HANDLER_H_
