// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_HTTP_IGNORE_ERROR_H_
#define SALVE_PKG_HTTP_IGNORE_ERROR_H_

#include <boost/system/error_code.hpp>

namespace salve::http {

// Around a call whose failure changes nothing: a socket that is given up, an option that only
// tunes.
inline void Ignore(const boost::system::error_code&) {}

}  // namespace salve::http

#endif  // SALVE_PKG_HTTP_IGNORE_ERROR_H_
