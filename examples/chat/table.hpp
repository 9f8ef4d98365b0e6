#pragma once

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Columns of text, each as wide as its widest cell.
class Table {
 public:
  enum class Align : char { left, right };
  enum class Colour : char { none, good, bad };
  struct Cell {
    std::string text{};
    Colour colour = Colour::none;
  };

  explicit Table(std::vector<std::pair<std::string, Align>> columns) : columns_(std::move(columns)) {}

  void row(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }

  void print(std::ostream& out, bool colour) const {
    std::vector<Cell> head;
    for (const auto& [name, align] : columns_) head.push_back({name});
    print_row(out, head, false);
    for (const std::vector<Cell>& cells : rows_) print_row(out, cells, colour);
  }

 private:
  void print_row(std::ostream& out, const std::vector<Cell>& cells, bool colour) const {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string padding(width_of(i) - width(cells[i].text), ' ');
      const bool last = i + 1 == cells.size();
      if (columns_[i].second == Align::right) line += padding;
      line += coloured(cells[i], colour);
      if (columns_[i].second == Align::left && !last) line += padding;
      if (!last) line += "  ";
    }
    out << line << '\n';
  }

  [[nodiscard]] std::size_t width_of(std::size_t column) const {
    std::size_t widest = width(columns_[column].first);
    for (const std::vector<Cell>& cells : rows_) widest = std::max(widest, width(cells[column].text));
    return widest;
  }

  /// Characters, not bytes: ids may hold any UTF-8.
  static std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
  }

  static std::string coloured(const Cell& cell, bool colour) {
    if (!colour || cell.colour == Colour::none) return cell.text;
    return (cell.colour == Colour::good ? "\x1b[32m" : "\x1b[31m") + cell.text + "\x1b[0m";
  }

  std::vector<std::pair<std::string, Align>> columns_;
  std::vector<std::vector<Cell>> rows_{};
};
