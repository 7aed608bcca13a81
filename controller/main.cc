// SPDX-License-Identifier: Apache-2.0
#include "controller/commands/commands.h"

int main(int argc, char** argv) { return salve::commands::Run(argc, argv); }
