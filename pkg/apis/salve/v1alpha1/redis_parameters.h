// SPDX-License-Identifier: Apache-2.0
#ifndef SALVE_PKG_APIS_SALVE_V1ALPHA1_REDIS_PARAMETERS_H_
#define SALVE_PKG_APIS_SALVE_V1ALPHA1_REDIS_PARAMETERS_H_

#include <string>
#include <vector>

// What redisSetConfig may set. The list is closed: a parameter is on it only if no value of it can
// write a file, load code, or change authentication, persistence or replication. (maxmemory and
// maxmemory-policy may make Redis evict keys; the backend names that as a risk factor.) Never on
// it: dir, dbfilename, appendonly, appendfilename, save, requirepass, masterauth, replicaof,
// aclfile, loadmodule, bind, port, protected-mode, enable-*-command, rename-command, logfile,
// unixsocket, tls-*.
namespace salve::apis::salve::v1alpha1 {

// Sorted.
const std::vector<std::string>& RedisParameterNames();

// "" if `value` is one that Redis takes for `parameter`, else what it should be ("must be a whole
// number from 1 to 1000000"). False parameters are refused as well.
std::string CheckRedisParameter(const std::string& parameter, const std::string& value);

}  // namespace salve::apis::salve::v1alpha1

#endif  // SALVE_PKG_APIS_SALVE_V1ALPHA1_REDIS_PARAMETERS_H_
