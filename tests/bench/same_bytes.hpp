#pragma once

namespace keywheel::bench {

/// Sends a call and a stream by either side and compares what arrives: method, target, headers in any order, body.
/// Throws std::runtime_error that shows both, where they differ: the floor would not be one.
void check_same_bytes();

}  // namespace keywheel::bench
