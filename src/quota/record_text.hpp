#pragma once

#include <string>
#include <string_view>

#include "quota/shared_records.hpp"

/// Records as text, for stores that keep them as such. What was written by another version is read as an empty record.

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {

[[nodiscard]] std::string write_record(const TicketLog& log);
[[nodiscard]] std::string write_record(const TotalRecord& total);
[[nodiscard]] std::string write_record(const PermitRecord& permits);
void read_record(std::string_view text, TicketLog& log);
void read_record(std::string_view text, TotalRecord& total);
void read_record(std::string_view text, PermitRecord& permits);

}  // namespace detail
KEYWHEEL_END_NAMESPACE
