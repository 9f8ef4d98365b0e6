#include "quota/record_text.hpp"

#include <charconv>
#include <concepts>
#include <system_error>

KEYWHEEL_BEGIN_NAMESPACE
namespace detail {
namespace {

constexpr char kVersion = '1';

class Writer {
 public:
  template <std::integral I>
  void add(I number) {
    text_ += std::to_string(number);
    text_ += ' ';
  }
  void add(const std::string& name) {
    add(name.size());
    text_ += name;
    text_ += ' ';
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_{kVersion, ' '};
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text), good_(text.size() > 2 && text[0] == kVersion) {
    if (good_) text_.remove_prefix(2);
  }
  template <std::integral I>
  void take(I& number) {
    if (!good_) return;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), number);
    const auto length = static_cast<std::size_t>(end - text_.data());
    good_ = error == std::errc() && length < text_.size();
    if (good_) text_.remove_prefix(length + 1);
  }
  void take(std::string& name) {
    std::size_t size = 0;
    take(size);
    good_ = good_ && size < text_.size();
    if (!good_) return;
    name = text_.substr(0, size);
    text_.remove_prefix(size + 1);
  }
  [[nodiscard]] bool good() const noexcept { return good_; }

 private:
  std::string_view text_;
  bool good_;
};

}  // namespace

std::string write_record(const TicketLog& log) {
  Writer out;
  out.add(log.epoch);
  out.add(log.begins);
  out.add(log.last_from);
  out.add(log.last_id);
  out.add(log.claimant);
  out.add(log.claim_until);
  out.add(log.entries.size());
  for (const TicketLog::Entry& each : log.entries) {
    out.add(each.id);
    out.add(each.until);
    out.add(each.amount);
    out.add(each.owner);
  }
  out.add(log.askers.size());
  for (const auto& [process, at] : log.askers) {
    out.add(process);
    out.add(at);
  }
  return out.take();
}

void read_record(std::string_view text, TicketLog& log) {
  Scanner in(text);
  TicketLog read;
  std::size_t count = 0;
  in.take(read.epoch);
  in.take(read.begins);
  in.take(read.last_from);
  in.take(read.last_id);
  in.take(read.claimant);
  in.take(read.claim_until);
  in.take(count);
  for (std::size_t i = 0; i < count && in.good(); ++i) {
    TicketLog::Entry& each = read.entries.emplace_back();
    in.take(each.id);
    in.take(each.until);
    in.take(each.amount);
    in.take(each.owner);
  }
  in.take(count);
  for (std::size_t i = 0; i < count && in.good(); ++i) {
    std::string process;
    in.take(process);
    in.take(read.askers[process]);
  }
  if (in.good()) log = std::move(read);
}

std::string write_record(const TotalRecord& total) {
  Writer out;
  out.add(total.sum);
  out.add(total.left);
  out.add(total.holdings.size());
  for (const auto& [process, holding] : total.holdings) {
    out.add(process);
    out.add(holding);
  }
  return out.take();
}

void read_record(std::string_view text, TotalRecord& total) {
  Scanner in(text);
  TotalRecord read;
  std::size_t count = 0;
  in.take(read.sum);
  in.take(read.left);
  in.take(count);
  for (std::size_t i = 0; i < count && in.good(); ++i) {
    std::string process;
    in.take(process);
    in.take(read.holdings[process]);
  }
  if (in.good()) total = std::move(read);
}

std::string write_record(const PermitRecord& permits) {
  Writer out;
  out.add(permits.holders.size());
  for (const auto& [process, holder] : permits.holders) {
    out.add(process);
    out.add(holder.held);
    out.add(holder.want);
    out.add(holder.until);
  }
  return out.take();
}

void read_record(std::string_view text, PermitRecord& permits) {
  Scanner in(text);
  PermitRecord read;
  std::size_t count = 0;
  in.take(count);
  for (std::size_t i = 0; i < count && in.good(); ++i) {
    std::string process;
    in.take(process);
    PermitRecord::Holder& holder = read.holders[process];
    in.take(holder.held);
    in.take(holder.want);
    in.take(holder.until);
  }
  if (in.good()) permits = std::move(read);
}

}  // namespace detail
KEYWHEEL_END_NAMESPACE
