# SPDX-License-Identifier: Apache-2.0
"""The errors that the server answers with, by the names and sentences that AWS documents."""


class ApiError(Exception):
    """An answer that is an error: `code` is AWS's name of it, `status` the HTTP status."""

    def __init__(self, code, message, status=400, headers=None):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.headers = headers or {}


def invalid(message):
    return ApiError("InvalidParameterException", message)


def client_error(message):
    return ApiError("ClientException", message)


def cluster_not_found():
    return ApiError("ClusterNotFoundException", "Cluster not found.")


def service_not_found():
    return ApiError("ServiceNotFoundException", "Service not found.")


def service_not_active():
    return ApiError("ServiceNotActiveException", "Service was not ACTIVE.")


def throttled():
    return ApiError("ThrottlingException", "Rate exceeded")


def server_error(status=500):
    if status == 503:
        return ApiError("ServiceUnavailableException", "Service is unavailable.", 503)
    return ApiError("ServerException", "Service Unavailable. Please try again later.", status)


def access_denied(principal, action, resource):
    return ApiError(
        "AccessDeniedException",
        f"User: {principal} is not authorized to perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action")


def log_group_not_found():
    return ApiError("ResourceNotFoundException", "The specified log group does not exist.")
