#pragma once

#include <keywheel/keywheel.hpp>

#include "options.hpp"
#include "tally.hpp"

/// Makes the calls that the options ask for and waits until all have ended.
void generate(keywheel::Router& router, const Options& options, Tally& tally);
