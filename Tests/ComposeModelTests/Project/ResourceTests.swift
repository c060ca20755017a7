import ComposeModel
import Testing

@Test("limits are read in their units")
func limits() throws {
    let (found, report) = service(
        """
        cpus: 1.5
        cpu_shares: 512
        cpu_quota: 50000
        cpu_period: 100000
        cpuset: 0-1,3
        mem_limit: 512m
        memswap_limit: -1
        mem_reservation: 64m
        mem_swappiness: 10
        pids_limit: 100
        shm_size: 128m
        oom_kill_disable: true
        oom_score_adj: -500
        blkio_config:
          weight: 300
          weight_device: [{path: /dev/sda, weight: 400}]
          device_read_bps: [{path: /dev/sda, rate: 12mb}]
          device_write_iops: [{path: /dev/sda, rate: 30}]
        """
    )
    #expect(report == "")
    let resources = try #require(found).resources
    #expect(resources.nanoCPUs == 1_500_000_000)
    #expect(resources.cpuShares == 512)
    #expect(resources.cpuQuotaMicroseconds == 50000 && resources.cpuPeriodMicroseconds == 100_000)
    #expect(resources.cpuSet == "0-1,3")
    #expect(resources.memoryLimitBytes == 512 << 20 && resources.memoryReservationBytes == 64 << 20)
    #expect(resources.memorySwapLimitBytes == -1)
    #expect(resources.memorySwappiness == 10)
    #expect(resources.processLimit == 100)
    #expect(resources.sharedMemoryBytes == 128 << 20)
    #expect(resources.oomKillDisabled && resources.oomScoreAdjustment == -500)
    let disks = try #require(resources.blockIO)
    #expect(disks.weight == 300 && disks.deviceWeights.map(\.weight) == [400])
    #expect(disks.throttles.map(\.kind) == [.readBytes, .writeOperations])
    #expect(disks.throttles.map(\.ratePerSecond) == [12 << 20, 30])
}

@Test("limits of deploy come first")
func deployedLimits() throws {
    let (found, report) = service(
        """
        deploy:
          resources:
            limits: {cpus: "0.5", memory: 256M, pids: 20}
            reservations: {cpus: "0.25", memory: 20M}
        """
    )
    #expect(report == "")
    let resources = try #require(found).resources
    #expect(resources.nanoCPUs == 500_000_000)
    #expect(resources.memoryLimitBytes == 256 << 20 && resources.memoryReservationBytes == 20 << 20)
    #expect(resources.processLimit == 20)
}

@Test("limits that can't be are shown where they stand")
func badLimits() {
    let (_, report) = service(
        """
        cpus: -1
        cpuset: 3-1
        mem_swappiness: 101
        blkio_config: {weight: 5000}
        """
    )
    #expect(
        report == """
            compose.yaml:4:11: services.web.cpus can't be -1
                    cpus: -1
                          ^
              hint: use a number from 0 to 65536
            compose.yaml:5:13: services.web.cpuset can't be "3-1"
                    cpuset: 3-1
                            ^
              hint: use numbers and ranges such as 0-3,6
            compose.yaml:6:21: services.web.mem_swappiness can't be 101
                    mem_swappiness: 101
                                    ^
              hint: use a whole number, from 0 to 100
            compose.yaml:7:28: services.web.blkio_config.weight can't be 5000
                    blkio_config: {weight: 5000}
                                           ^
              hint: use a whole number, from 10 to 1000

            """
    )
}
