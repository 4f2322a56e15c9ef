// What a program with host code is compiled with, after the standard headers that it includes.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <tuple>
#include <type_traits>

#define EMULATOR_HOSTED
#include "../emulator.h"
#include "atomics.h"
#include "runtime_api.h"

#define __CUDACC__ 1
#define __CUDA_ARCH__ 800
#define CUDART_VERSION 12000
#define __managed__
#define CUDART_PI_F 3.141592654f
#define CUDART_PI 3.1415926535897931
