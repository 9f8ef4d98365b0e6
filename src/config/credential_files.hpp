#pragma once

#include <string>
#include <vector>

#include <keywheel/config.hpp>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

/// Puts what a credential's file holds in the place of its path: the field `json_file` of a Google service account may
/// be a path or the JSON itself. The one place where a config leads to the disk; Transports only see the JSON.
///
/// Fills in `project_id` from the file where the credential has none. Returns a fault for each file that cannot be
/// read, each beginning with "credentials[i].json_file"; the file's text is never part of it.
[[nodiscard]] std::vector<std::string> read_credential_files(ServiceConfig& service);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
