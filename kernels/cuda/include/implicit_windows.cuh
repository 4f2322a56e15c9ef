// Implicit im2col: windows of channels-last images as a factor of a matrix product, never stored.
//
//     windows[(n u v), (r s c)] = image[n, h, w, c]     h = u step_h + origin_h + r apart_h
//                                                       w = v step_w + origin_w + s apart_w
//
// and 0 where (h, w) is no pixel. It is the matrix that im2col stores; here the address of an
// element is computed when it is loaded (Chetlur et al., "cuDNN: Efficient Primitives for Deep
// Learning", 2014, arXiv 1410.0759, section 3). Elements along c are contiguous, so a vector of
// them is one load if the channels of a group are a multiple of its width.
//
// Divisions would cost as much as the multiply-adds of a slice. A thread divides once; from then on
// it advances an index that it keeps as three mixed-radix digits.

#pragma once

#include "tiles.cuh"

// The windows of fprop and wgrad are those of x. In dgrad they are those of gy, with
// the taps in reversed order: apart_h < 0.
struct ImplicitWindows {
    int H, W, C;      // pixels and channels of an image
    int channels;     // of a window: those of a group
    int U, V;         // positions
    int R, S;         // taps
    int step_h, step_w, origin_h, origin_w, apart_h, apart_w;
};

// (a B + b) C + c, with 0 <= b < B and 0 <= c < C.
struct Digits {
    int a, b, c;

    static __device__ Digits of(int number, int B, int C) {
        return {number / C / B, number / C % B, number % C};
    }
    static __device__ Digits of(long long number, int B, int C) {
        const long long upper = number / ((long long)B * C);
        Digits digits = of((int)(number - upper * B * C), B, C);
        digits.a = (int)upper;
        return digits;
    }
    // The sum of two digits and a carry is below twice the radix: one subtraction reduces it.
    __device__ __forceinline__ void add(const Digits& step, int B, int C) {
        c += step.c;
        b += step.b;
        a += step.a;
        if (c >= C) {
            c -= C;
            b++;
        }
        if (b >= B) {
            b -= B;
            a++;
        }
    }
};

// Windows as lines of a slice: k is the index of a window's terms (r s c), the same for all lines.
template <class Tile, int SIZE, int WIDTH> struct WindowLines : Along<Tile, SIZE, WIDTH> {
    using Base = Along<Tile, SIZE, WIDTH>;
    using T = typename Tile::T;
    static constexpr int NOWHERE = -(1 << 30);  // so far off that no tap is on the plane
    const T* image;
    ImplicitWindows windows;
    Digits term, step;
    int top[Base::COUNT], left[Base::COUNT];  // the pixel of tap (0, 0)
    int row[Base::COUNT];                     // its row, counted over all images

    // The windows from number `first` on, of `count` in all; c counts from image's first element.
    __device__ WindowLines(
        const T* image, const ImplicitWindows& windows, long long first, long long count)
        : image(image), windows(windows) {
        const int plane = windows.U * windows.V;
        const int n = (int)(first / plane);
        const int rest = (int)(first - (long long)n * plane);
        term = Digits::of(Base::k(), windows.S, windows.channels);
        step = Digits::of(DEPTH, windows.S, windows.channels);
#pragma unroll
        for (int i = 0; i < Base::COUNT; i++) {
            const Digits at = Digits::of(rest + Base::line(i), windows.U, windows.V);
            const bool exists = first + Base::line(i) < count;
            top[i] = exists ? at.b * windows.step_h + windows.origin_h : NOWHERE;
            left[i] = at.c * windows.step_w + windows.origin_w;
            row[i] = (n + at.a) * windows.H + top[i];
        }
    }

    __device__ __forceinline__ void load() {
        const ImplicitWindows& v = windows;
        const int down = term.a * v.apart_h, right = term.b * v.apart_w;
#pragma unroll
        for (int i = 0; i < Base::COUNT; i++) {
            // Negative numbers, read as unsigned, are above every size.
            const bool there = term.a < v.R && (unsigned)(top[i] + down) < (unsigned)v.H &&
                               (unsigned)(left[i] + right) < (unsigned)v.W;
            const long long pixel = (long long)(row[i] + down) * v.W + (left[i] + right);
            fetch<WIDTH>(image + (pixel * v.C + term.c), there, this->staged[i]);
        }
        term.add(step, v.S, v.channels);
    }
};

// Terms (r s c) as elements of a line: k is the index of the window, (n u v).
template <class Tile, int SIZE, int WIDTH> struct WindowTerms : Across<Tile, SIZE, WIDTH> {
    using Base = Across<Tile, SIZE, WIDTH>;
    using T = typename Tile::T;
    const T* image;
    ImplicitWindows windows;
    int top, left;  // of the thread's term in the window at position (0, 0)
    bool exists;
    Digits at, step;  // the window, (n u v)
    int remain;

    // Terms from number `term` on, `count` windows from `first` on.
    __device__ WindowTerms(
        const T* image, const ImplicitWindows& windows, int term, long long first, int count)
        : image(image), windows(windows) {
        const Digits tap = Digits::of(term + Base::line(), windows.S, windows.channels);
        top = windows.origin_h + tap.a * windows.apart_h;
        left = windows.origin_w + tap.b * windows.apart_w;
        this->image += tap.c;
        exists = tap.a < windows.R;
        at = Digits::of(first + Base::k(0), windows.U, windows.V);
        step = Digits::of(Base::STEP, windows.U, windows.V);
        remain = count - Base::k(0);
    }

    __device__ __forceinline__ void load() {
        const ImplicitWindows& v = windows;
#pragma unroll
        for (int i = 0; i < Base::COUNT; i++) {
            const int h = at.b * v.step_h + top, w = at.c * v.step_w + left;
            const bool there = exists && remain > 0 && (unsigned)h < (unsigned)v.H &&
                               (unsigned)w < (unsigned)v.W;
            const long long pixel = ((long long)at.a * v.H + h) * v.W + w;
            fetch<WIDTH>(image + pixel * v.C, there, this->staged[i]);
            at.add(step, v.U, v.V);
            remain -= Base::STEP;
        }
    }
};
